"""Images to try a demo with: made on the spot, or of a package that is installed."""

from pathlib import Path
from typing import List, Tuple, Union

import cv2

from mmrefseg.datasets.refshapes_generator.drawing import draw_scene
from mmrefseg.datasets.refshapes_generator.referents import Judge
from mmrefseg.datasets.refshapes_generator.scenes import sample_scene, scene_random
from mmrefseg.datasets.refshapes_generator.speakers import Speaker
from mmrefseg.visualization.panel import write_image

SCENE_SIZE = 128
SCENES = (14, 19, 38)  # with shapes far apart
EXPRESSIONS = 4
# CC0 photographs that lie in the package itself.
PHOTOGRAPHS = {
    'chelsea': ['the cat', 'left ear of the cat'],
    'coffee': ['the cup of coffee', 'the spoon'],
}


def make_samples(folder: Union[str, Path]) -> List[Tuple[str, str]]:
    """Write sample images.

    Args:
        folder (str | Path): Where to; it is made.

    Returns:
        list[tuple[str, str]]: The file of each, and expressions for it, one a line. Scenes of RefShapes' val split,
        of its standard seed, come first; photographs follow where scikit-image is installed.
    """
    folder = Path(folder)
    samples = []
    for number in SCENES:
        scene = sample_scene(0, 'val', number, SCENE_SIZE)
        image = draw_scene(scene, scene_random(0, 'val', number, 'picture'))
        speaker = Speaker(Judge(scene), 'refshapes', scene_random(0, 'val', number, 'demo'))
        said = [speaker.speak(i)[:1] for i, shape in enumerate(scene.shapes) if shape.referable]
        samples.append((f'refshapes_{number}', cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
                        [utterance.text for utterances in said for utterance in utterances][:EXPRESSIONS]))
    try:
        from skimage import data
    except ImportError:
        pass
    else:
        samples += [(name, getattr(data, name)(), said) for name, said in PHOTOGRAPHS.items()]
    written = []
    for name, image, said in samples:
        path = str(folder / f'{name}.png')
        write_image(image, path)
        written.append((path, '\n'.join(said)))
    return written
