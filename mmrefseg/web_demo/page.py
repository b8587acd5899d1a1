"""The demo's page. The only module that needs Gradio: ``pip install -r requirements/demo.txt``."""

import logging
from typing import Optional, Sequence, Tuple

import gradio as gr
from gradio.data_classes import FileData

from mmrefseg.errors import RefDataError

from .answer import find_in_picture
from .model_pool import ModelPool
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


def uploaded_file(payload: Optional[FileData]) -> Optional[str]:
    """The path of an uploaded file, unopened."""
    return payload.path if payload else None


def answer(pool: ModelPool, path: Optional[str], text: Optional[str], model: str) -> str:
    """Answer a request as HTML; no input makes it raise.

    Args:
        pool (ModelPool): The models.
        path (str, optional): The picture's file.
        text (str, optional): The expressions, one a line.
        model (str): A name in the pool.

    Returns:
        str: Notes and cards, or why there are none.
    """
    try:
        found = find_in_picture(pool, model, path, text)
    except RefDataError as error:
        return draw_notes([str(error)], problem=True)
    except Exception as error:  # a checkpoint that does not load, no memory left, ...
        logging.getLogger(__name__).exception('no answer from %s', model)
        reason = (str(error).strip().splitlines() or [''])[0]
        message = f'The model “{model}” gave no answer ({type(error).__name__}: {reason}). The server’s log says more.'
        return draw_notes([message], problem=True)
    return draw_notes(found.notes) + draw_cards(found.findings)


def build_page(pool: ModelPool, samples: Sequence[Tuple[str, str]] = ()) -> gr.Blocks:
    """The page.

    Args:
        pool (ModelPool): The models to choose from; the first is chosen at the start.
        samples (Sequence[tuple[str, str]]): Pictures to click on: file, and expressions, one a line.

    Returns:
        gr.Blocks: To be launched, see :func:`launch_page`.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                picture = gr.Image(label='Picture', sources=['upload', 'clipboard'], height=280, elem_id='picture',
                                   buttons=[])
                # Gradio would decode the file, whatever it is. In a subclass it would write a .pyi beside this module.
                picture.preprocess = uploaded_file
                text = gr.Textbox(label='What to look for, one expression a line', lines=3, max_lines=10,
                                  placeholder='the man in the red tie\nleft car', elem_id='expressions')
                model = gr.Dropdown(pool.names, value=pool.names[0], label='Model', elem_id='model')
                button = gr.Button('Find', variant='primary', elem_id='find')
                if samples:
                    chosen = gr.Dataset(components=[gr.Image(visible=False)], samples=[[path] for path, _ in samples],
                                        type='index', label='Samples', elem_id='samples')
                    chosen.click(lambda index: samples[index], chosen, [picture, text], api_visibility='private')
            with gr.Column(scale=3, min_width=320):
                result = gr.HTML(draw_notes([NOTHING_YET]), elem_id='result', min_height=200)
        button.click(lambda *inputs: answer(pool, *inputs), [picture, text, model], result, api_name='find',
                     concurrency_limit=1)
    return page


def launch_page(page: gr.Blocks, **options) -> tuple:
    """Serve the page; ``options`` are those of ``gr.Blocks.launch``.

    Returns:
        tuple: As Gradio's: the app, its local address, its public address or None.
    """
    theme = gr.themes.Soft(primary_hue='orange', font=('system-ui', 'sans-serif'))
    return page.launch(theme=theme, css=STYLE, max_file_size=MAX_FILE_SIZE, footer_links=['api'], **options)
