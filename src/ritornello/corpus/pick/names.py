"""What the names and programs of tracks say about which of them carries the tune.

Words are looked for in a name folded to small letters without accents. Latin and Cyrillic words must stand at the
beginning of a word of the name ("Gesangsstimme" is found by "gesang", "Basso" by "bass"), short ones must be a whole
word; Chinese, Japanese and Korean words may stand anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# English, German, French, Italian, Spanish, Portuguese; Dutch, the Nordic languages, Polish, Czech, Hungarian,
# Turkish, Indonesian, Vietnamese; Russian, Ukrainian, Greek
MELODY_WORDS = _words("""
    melod vocal voice voc vox lead sing solo soprano soprani sopran tune theme topline cantus
    gesang stimme oberstimme hauptstimme thema voix chant dessus canto cantante voce voci tema solista voz cantor
    canta mezzo cantilena superius discant
    zang stem wijs sang laulu rost wokal spiew glos zpev hlas enek dallam ezgi vokal suara lagu giai
    мелод вокал голос соло пение спів φωνη μελωδ τραγουδ
""")
WHOLE_MELODY_WORDS = frozenset(_words("mel sop s1 air lyrics words karaoke kar v1"))
OTHER_WORDS = _words("""
    accomp begleit akkomp chord akkord accord acord harmon pad string streich archi cord rhythm rhyth
    bass baix bajo basse kontrab drum schlag batter perc bateria trommel beat groove click metron fx sfx effect
    backing background choir chor coro choeur ensemble arp arpegg ostinato riff fill bridge counter
    descant obbl overstem klavier piano pno organ orgel orgue keyb cembalo harpsi continuo left linke gauche sinistra
    guitar gitar chitarra brass synth sweep noise
    бас аккомп аккорд ударн барабан струн пианин фортеп ритм подпев
""")
WHOLE_OTHER_WORDS = frozenset(_words("acc accp comp back bg hits lh gt gtr kbd ep bs dr str pf a t b t1 b1"))
EASTERN_MELODY = (
    "主旋律",
    "旋律",
    "主唱",
    "人声",
    "人聲",
    "歌",
    "唱",
    "メロ",
    "ボーカル",
    "ヴォーカル",
    "멜로디",
    "보컬",
)
EASTERN_OTHER = ("伴奏", "和弦", "贝斯", "鼓", "弦乐", "ドラム", "ベース", "コード", "반주", "드럼", "베이스")

PROGRAMS = {
    **dict.fromkeys(range(0, 8), 0.0),  # pianos carry everything, and are what a file says that says nothing
    **dict.fromkeys(range(8, 16), 0.2),  # bells
    **dict.fromkeys(range(16, 24), 0.0),  # organs
    **dict.fromkeys(range(24, 32), -0.3),  # guitars
    **dict.fromkeys(range(32, 40), -1.0),  # basses
    **dict.fromkeys(range(40, 44), 0.3),  # bowed
    **dict.fromkeys(range(44, 52), -0.7),  # tremolo, pizzicato, harp, timpani, string ensembles
    **dict.fromkeys(range(52, 55), 0.6),  # voices
    55: -1.0,  # orchestra hit
    **dict.fromkeys(range(56, 64), 0.2),  # brass
    **dict.fromkeys(range(64, 72), 0.7),  # reeds
    **dict.fromkeys(range(72, 80), 0.8),  # pipes
    **dict.fromkeys(range(80, 88), 0.6),  # synthetic leads
    **dict.fromkeys(range(88, 104), -0.7),  # pads and effects
    **dict.fromkeys(range(104, 112), 0.1),
    **dict.fromkeys(range(112, 128), -1.0),  # percussion and noises
}
"""How much a General MIDI program speaks for a tune (1) or against it (-1)."""


@lru_cache(maxsize=4096)
def name_speaks(name: str) -> float:
    """Score a track's name: 1 where it says melody, -1 where it says something else, 0 else.

    A name that says both ("Vocal harmony", "Piano melody") gives half a point for the melody's word.
    """
    folded = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    words = re.findall(r"[^\W\d_]+\d?", folded)
    yes = any(w in WHOLE_MELODY_WORDS or w.startswith(tuple(MELODY_WORDS)) for w in words)
    yes = yes or any(word in name for word in EASTERN_MELODY)
    no = any(w in WHOLE_OTHER_WORDS or w.startswith(tuple(OTHER_WORDS)) for w in words)
    no = no or any(word in name for word in EASTERN_OTHER)
    if yes:
        return 0.5 if no else 1.0
    return -1.0 if no else 0.0
