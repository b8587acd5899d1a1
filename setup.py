"""Packaging: ``pip install -e .`` or ``pip wheel .``; the wheel carries configs and tools as ``.mim``."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What mim, `_base_ = 'mmrefseg::…'` and the model zoo look for inside the installed package.
MIM = ('configs', 'tools', 'demo', 'zoo', 'model-index.yml')
# What only a checkout can run: its environment, its tests, its own pages.
LEFT_OUT = ('__pycache__', 'setup_env.sh', 'quickstart.sh', 'run_tests.sh', 'test_*.sh', 'misc')


class BuildWithMim(build_py):
    """Copies configs, tools and the model index into the package it builds, as OpenMMLab does."""

    def run(self):
        """Build, then copy; an editable install links instead, so that edits show."""
        super().run()
        into = ROOT / 'mmrefseg' if self.editable_mode else Path(self.build_lib) / 'mmrefseg'
        mim = into / '.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in MIM:
            source = ROOT / name
            if self.editable_mode:
                (mim / name).symlink_to(source)
            elif source.is_dir():
                shutil.copytree(source, mim / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copy(source, mim / name)


def version() -> str:
    """The version, without importing the package."""
    scope = {}
    exec((ROOT / 'mmrefseg/version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='mmrefseg',
    version=version(),
    description='Referring image segmentation on the OpenMMLab stack',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    author='The mmrefseg contributors',
    keywords='referring image segmentation, referring expression segmentation, vision and language, OpenMMLab, PyTorch',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Environment :: GPU :: NVIDIA CUDA',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
    python_requires='>=3.11',
    packages=find_packages(include=['mmrefseg', 'mmrefseg.*']),
    entry_points=dict(console_scripts=['mmrefseg = mmrefseg.command_line:main']),
    cmdclass=dict(build_py=BuildWithMim),
    # mmcv and mmengine are left out on purpose: mmcv, mmcv-lite and the OneDL forks install the same
    # import names. `import mmrefseg` checks them and prints the line to type.
    install_requires=[
        'torch>=2.6', 'transformers>=5.20', 'tokenizers>=0.23.3', 'safetensors>=0.8', 'pycocotools>=2.0.7',
        'msgspec>=0.21', 'numpy>=1.26', 'pillow>=9.2', 'matplotlib>=3.7', 'prettytable>=3', 'rich>=12.3',
        'packaging>=24', 'ftfy', 'regex'
    ],
    extras_require=dict(
        mm=['mmengine>=0.10.6,<1', 'mmcv-lite>=2.1.0,<2.2', 'mmsegmentation>=1.2.1,<2', 'mmdet>=3.2.0,<4'],
        demo=['gradio>=6,<7'],
        parquet=['pyarrow>=17', 'lmdb>=1.4'],
        ray=['ray[data]>=2.40', 'pyarrow>=17'],
        tensorboard=['tensorboard>=2.14'],
        export=['onnx>=1.18,<2', 'onnxscript>=0.5,<1', 'onnxruntime>=1.20,<2'],
    ),
)
