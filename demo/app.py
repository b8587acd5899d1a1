"""A page to try models in a browser:

python demo/app.py                                                # the models of the zoo
python demo/app.py --config CONFIG --weights CHECKPOINT           # your own, beside the zoo's
"""

import argparse
import os
import sys
import tempfile

from mmrefseg.command_line.run_command import run_command
from mmrefseg.utils import keep_freed_memory
from mmrefseg.web_demo import ModelPool, list_foundation_sources, list_sources, make_samples

# Gradio asks for newer versions of itself otherwise.
os.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')


def main() -> None:
    """The web demo."""
    parser = argparse.ArgumentParser(description='A page to try models in a browser')
    parser.add_argument('--config', nargs='+', default=[], help='config files; default: those inside the checkpoints, '
                        'read as values')
    parser.add_argument('--weights', nargs='+', default=[], help='checkpoints of your own, one for each config; '
                        'none for a config whose model brings its weights')
    parser.add_argument('--device', help='for example cuda:0 or cpu')
    parser.add_argument('--keep-loaded', type=int, default=2, help='models in memory at a time; default: 2')
    parser.add_argument('--host', default='127.0.0.1', help='0.0.0.0: reachable from other machines; default: this one')
    parser.add_argument('--port', type=int, default=7860, help='default: 7860')
    parser.add_argument('--share', action='store_true', help="a public address, through Gradio's servers")
    args = parser.parse_args()
    try:
        from mmrefseg.web_demo.page import build_page, launch_page
    except ImportError as error:
        sys.exit(f'{error}: the web demo needs Gradio: pip install -r requirements/demo.txt')
    keep_freed_memory()
    try:
        sources = {**list_sources(args.config, args.weights), **list_foundation_sources()}
        pool = ModelPool(sources, args.device, args.keep_loaded)
        pool.get(pool.names[0])  # what is wrong with it is told here and not in a browser
        with tempfile.TemporaryDirectory() as folder:
            launch_page(build_page(pool, make_samples(folder)), server_name=args.host, server_port=args.port,
                        share=args.share)
    except (OSError, ValueError) as error:  # a file that is missing, options that do not fit, a port that is taken
        parser.error(str(error))


if __name__ == '__main__':
    sys.exit(run_command(main))
