"""Text as pixels."""

import pytest

from mmrefseg.visualization.text import load_font, text_block, wrap_text


@pytest.mark.parametrize('text', [
    'the man', 'the striped green triangle that is below the small yellow star ' * 3,
    'Donaudampfschifffahrtsgesellschaftskapitän links', 'größer, à côté, слева, 女の子, ☃, \U0001f600',
    'tab\tand\nnewline  and   spaces'])
@pytest.mark.parametrize('width', [60, 200])
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    font = load_font(14)
    lines = wrap_text(text, font, width)
    assert all(font.getlength(line) <= width for line in lines)
    assert ''.join(lines).replace(' ', '') == ''.join(text.split())
    assert text_block(lines, width, font).shape[1] == width


def test_words_stay_whole_where_they_fit():
    lines = wrap_text('the larger red square', load_font(14), 90)
    assert len(lines) > 1 and ' '.join(lines) == 'the larger red square'


def test_cut_after_some_lines():
    font = load_font(14)
    lines = wrap_text('word ' * 40, font, 100, max_lines=2)
    assert len(lines) == 2 and lines[1].endswith('…') and font.getlength(lines[1]) <= 100


@pytest.mark.parametrize('text,expected', [('', ''), ('a\x00b', 'a\ufffdb'), ('\ud800', '\ufffd')])
def test_what_cannot_be_drawn_is_replaced(text, expected):
    font = load_font(14)
    assert wrap_text(text, font, 100) == [expected]
    text_block([expected], 100, font)


def test_accents_differ_from_a_missing_character():
    font = load_font(20)
    missing = bytes(font.getmask('\uffff'))
    assert all(bytes(font.getmask(letter)) != missing for letter in 'éßñЖαç')


def test_font_file_that_is_none(tmp_path):
    path = tmp_path / 'font.ttf'
    path.write_text('no font')
    with pytest.raises(ValueError, match=r'font_file .*font.ttf cannot be read as a font'):
        load_font(14, str(path))
