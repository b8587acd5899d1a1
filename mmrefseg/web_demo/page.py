"""The demo's page. The only module that needs Gradio: ``pip install -r requirements/demo.txt``."""

import logging
import os
import re
import stat
from typing import Optional, Sequence, Tuple, Union

import gradio as gr
from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from mmrefseg.errors import RefDataError

from .answer import find_in_image
from .model_pool import ModelPool, fetch_note
from .result_cards import CARD_STYLE, draw_cards, draw_notes

TITLE = 'Referring image segmentation'
INTRODUCTION = f"""# {TITLE}
Choose a picture, say what to look for, one expression a line, and press **Find**."""
NOTHING_YET = 'What is found appears here: an overlay and a score for each expression.'
# Uploads are deleted a day after they came.
DELETE_CACHE = (3600, 24 * 3600)
MAX_FILE_SIZE = '50mb'
STYLE = f"""{CARD_STYLE}
#picture img {{width: 100%; height: 100%; object-fit: contain}}
"""


#: In messages, whatever looks like a path of the server; its last part stays.
_PATHS = re.compile(r'(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][^\s\\/\'"“”:;,()]+)*[\\/](?=[^\s\\/\'"“”:;,()])')


def uploaded_file(payload: Optional[FileData], folders: Sequence[str] = ()) -> Optional[str]:
    """The path of an uploaded file, unopened.

    Whoever writes the request writes the path in it, and it may be that of any file of the server. Taken are regular
    files below the folder of uploads, each in a folder named by the SHA-256 of what is in it, so that only those know
    the path who have the file; and those of some other folders.

    Args:
        payload (FileData, optional): What the request says.
        folders (Sequence[str]): Other folders whose files may be read by everybody: the samples'.

    Returns:
        str | None: The path, with all links followed.

    Raises:
        RefDataError: It is of no such file.
    """
    if not payload:
        return None
    try:
        path = os.path.realpath(payload.path)
        inside = any(os.path.commonpath([path, os.path.realpath(folder)]) == os.path.realpath(folder)
                     for folder in (get_upload_folder(), *folders))
        regular = inside and stat.S_ISREG(os.stat(path).st_mode)  # a pipe would be waited for, by everybody
    except (OSError, ValueError, TypeError):
        regular = False
    if not regular:
        raise RefDataError('This picture was not uploaded here: upload one, or click on a sample.')
    return path


def without_paths(text: str) -> str:
    """str: A message without the server's folders; of a path in it the last part stays."""
    return _PATHS.sub('', text)


def answer(pool: ModelPool, path: Union[FileData, str, None], text: Optional[str], model: str,
           folders: Sequence[str] = ()) -> str:
    """Answer a request as HTML; no input makes it raise.

    Args:
        pool (ModelPool): The models.
        path (FileData | str, optional): The image's file as a request states it; or, of our own, its path.
        text (str, optional): The expressions, one a line.
        model (str): A name in the pool.
        folders (Sequence[str]): Folders beside that of uploads whose files may be read, see :func:`uploaded_file`.

    Returns:
        str: Notes and cards, or why there are none.
    """
    try:
        path = path if isinstance(path, str) else uploaded_file(path, folders)
        found = find_in_image(pool, model, path, text)
    except RefDataError as error:
        return draw_notes([without_paths(str(error))], problem=True)
    except Exception as error:  # a checkpoint that does not load, no memory left, ...
        logging.getLogger(__name__).exception('no answer from %s', model)
        reason = without_paths((str(error).strip().splitlines() or [''])[0])
        message = f'The model “{model}” gave no answer ({type(error).__name__}: {reason}). The server’s log says more.'
        return draw_notes([message], problem=True)
    return draw_notes(found.notes) + draw_cards(found.findings)


def build_page(pool: ModelPool, samples: Sequence[Tuple[str, str]] = ()) -> gr.Blocks:
    """The page.

    Args:
        pool (ModelPool): The models to choose from; the first is chosen at the start.
        samples (Sequence[tuple[str, str]]): Images to click on: file, and expressions, one a line.

    Returns:
        gr.Blocks: To be launched, see :func:`launch_page`.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                image = gr.Image(label='Picture', sources=['upload', 'clipboard'], height=280, elem_id='picture',
                                   buttons=[])
                # Gradio would decode the file, whatever it is. In a subclass it would write a .pyi beside this module.
                # What is wrong with the path is told as all else that is wrong, by the answer.
                image.preprocess = lambda payload: FileData(path=payload) if isinstance(payload, str) else payload
                text = gr.Textbox(label='What to look for, one expression a line', lines=3, max_lines=10,
                                  placeholder='the man in the red tie\nleft car', elem_id='expressions')
                model = gr.Dropdown(pool.names, value=pool.names[0], label='Model', elem_id='model')
                note = gr.Markdown(fetch_note(pool.sources[pool.names[0]]), elem_id='model-note')
                model.change(lambda name: fetch_note(pool.sources[name]), model, note, api_visibility='private')
                button = gr.Button('Find', variant='primary', elem_id='find')
                if samples:
                    chosen = gr.Dataset(components=[gr.Image(visible=False)], samples=[[path] for path, _ in samples],
                                        type='index', label='Samples', elem_id='samples')
                    chosen.click(lambda index: samples[index], chosen, [image, text], api_visibility='private')
            with gr.Column(scale=3, min_width=320):
                result = gr.HTML(draw_notes([NOTHING_YET]), elem_id='result', min_height=200)
        shown = sorted({image.GRADIO_CACHE, *(os.path.dirname(path) for path, _ in samples)})

        # Downloads report to tqdm, and so to the page.
        def find(path, text, model, progress=gr.Progress(track_tqdm=True)):  # noqa: B008  Gradio looks for it there
            return answer(pool, path, text, model, folders=shown)

        button.click(find, [image, text, model], result, api_name='find', concurrency_limit=1)
    return page


def launch_page(page: gr.Blocks, **options) -> tuple:
    """Serve the page; ``options`` are those of ``gr.Blocks.launch``.

    Returns:
        tuple: As Gradio's: the app, its local address, its public address or None.
    """
    theme = gr.themes.Soft(primary_hue='orange', font=('system-ui', 'sans-serif'))
    return page.launch(theme=theme, css=STYLE, max_file_size=MAX_FILE_SIZE, footer_links=['api'], **options)
