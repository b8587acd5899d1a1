# Every word of RefShapes in all variants, the generalized one included, sorted.
grefshapes_vocab = [
    'above', 'all', 'and', 'at', 'behind', 'below', 'big', 'bigger', 'biggest', 'blue', 'both', 'bottom',
    'bottommost', 'by', 'center', 'checkered', 'circle', 'circles', 'closest', 'corner', 'counting', 'covering',
    'cross', 'crosses', 'diamond', 'diamonds', 'dotted', 'far', 'from', 'front', 'furthest', 'green', 'hexagon',
    'hexagons', 'hidden', 'highest', 'in', 'is', 'large', 'larger', 'largest', 'left', 'leftmost', 'little',
    'lowest', 'middle', 'moon', 'moons', 'nearest', 'of', 'on', 'one', 'ones', 'orange', 'partly', 'picture',
    'plain', 'purple', 'red', 'right', 'rightmost', 'ring', 'rings', 'second', 'shape', 'shapes', 'side',
    'small', 'smaller', 'smallest', 'square', 'squares', 'star', 'stars', 'striped', 'that', 'the', 'third',
    'three', 'to', 'top', 'topmost', 'triangle', 'triangles', 'two', 'uppermost', 'which', 'white', 'yellow',
]
