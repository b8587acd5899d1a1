"""Signs of expressions that are not English, whose left and right cannot be exchanged.

Letters beyond ASCII tell at once. Of languages that are written without them, or of which people leave the accents out,
the words for the sides tell, and the little words that no English expression has.
"""

import re
import unicodedata

# German, Dutch, Afrikaans; Spanish, Catalan, Basque; Italian, Portuguese, French, Romanian; Polish; Czech, Russian,
# Croatian, Slovene; Swedish, Norwegian, Danish, Icelandic; Finnish, Estonian, Lithuanian, Latvian; Hungarian, Turkish;
# Indonesian, Tagalog, Swahili, Vietnamese, Japanese, Chinese, Albanian; Hindi, Arabic, Esperanto, Welsh
_SIDES = re.compile(r'(?:' + '|'.join((
    r'link(?:e[nmrs]?|s|ere[nmrs]?|er|erhand|seitig\w*)|recht(?:e[nmrs]?|s|er|erhand|erzijde)|regs|regter\w*',
    r'izquierd\w*|izq|derech\w*|esquerr\w*|dret[ae]?s?|ezker\w*|eskuin\w*',
    r'sinistr[aeio]|destr[aeio]|esquerd\w*|direit\w*|gauche\w*|droite?s?|stang\w*|dreapt\w*|drept\w*',
    r'lew(?:y|a|e|ej|ego|o|ym|ymi)|praw(?:y|a|e|ej|ego|o|ym|ymi)|lev(?:y|a|e|ej|eho|o|yy|iy)|vlevo|vpravo',
    r'prav(?:y|a|e|ej|eho|o|yy|iy|aya|oy)|sleva|sprava|lijev\w*|desn[aeiou]\w*|levo[mj]|zleva|zprava',
    r'vanster\w*|hoger\w*|venstre\w*|hoyre\w*|hojre\w*|vinstri|haegri',
    r'vase(?:n|mma\w*)|oike(?:a\w*|i\w*)|vasak\w*|parem\w*|kair[eiu]\w*|desin\w*|kreis[aio]\w*|lab(?:aj\w*|ais)',
    r'bal(?:ra|oldal\w*|rol)?|jobb(?:ra|oldal\w*|rol)?|sol(?:da\w*|daki|undaki|unda)?|sag(?:da\w*|daki|indaki)?',
    r'kiri|kanan|kaliwa\w*|kushoto|kulia|trai|phai|hidari\w*|migi\w*|zuo(?:bian)?|youbian|majtas|djathtas',
    r'ba+yen?|ba+ye?in|ba+ya+n?|da+yen?|da+ye?in|da+hin[ei]|yas[ae]+r|yam[ei]+n|maldekstr\w*|dekstr\w*|chwith|dde',
)) + r')')
# Words that say nothing of sides and are those of another language.
_LITTLE = frozenset(
    'der das dem ein eine einen einem einer auf mit und vom zum zur neben hinter unter mann frau ganz oben unten vorne '
    'las del una hombre mujer persona que esta con ella nino nina perro '
    'il della dello dei degli nella nel uomo donna ragazzo ragazza '
    'les des une dans avec homme femme garcon fille chien cote '
    'het een naar vrouw jongen meisje hond kant '
    'uma homem mulher menino menina cachorro lado '
    'ren zai nanren nuren otoko onna hito lelaki perempuan sebelah'.split())


def is_foreign(expression: str) -> bool:
    """Whether an expression is not English, as far as its letters and single words tell.

    Args:
        expression (str): One referring expression.

    Returns:
        bool: True where it is not; False where nothing speaks against English.
    """
    if not expression.isascii():
        if any(not char.isascii() and unicodedata.category(char)[0] in 'LM' for char in expression):
            return True
    words = re.findall(r'[a-z]+', expression.lower())
    return any(word in _LITTLE or _SIDES.fullmatch(word) for word in words)
