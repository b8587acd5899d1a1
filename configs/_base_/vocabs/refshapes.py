# Every word of RefShapes, RefShapes+ and RefShapesg, sorted.
refshapes_vocab = [
    'above', 'and', 'at', 'behind', 'below', 'big', 'bigger', 'biggest', 'blue', 'bottom',
    'bottommost', 'by', 'center', 'checkered', 'circle', 'closest', 'corner', 'counting',
    'covering', 'cross', 'diamond', 'dotted', 'far', 'from', 'front', 'furthest', 'green',
    'hexagon', 'hidden', 'highest', 'in', 'is', 'large', 'larger', 'largest', 'left',
    'leftmost', 'little', 'lowest', 'middle', 'moon', 'nearest', 'of', 'on', 'one',
    'orange', 'partly', 'picture', 'plain', 'purple', 'red', 'right', 'rightmost', 'ring',
    'second', 'shape', 'side', 'small', 'smaller', 'smallest', 'square', 'star', 'striped',
    'that', 'the', 'third', 'to', 'top', 'topmost', 'triangle', 'uppermost', 'which',
    'white', 'yellow',
]
