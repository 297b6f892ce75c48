"""Words that say how well something went, and not what was said or done."""

from __future__ import annotations

import re
from functools import lru_cache

GRADES = (
    r"(?<!as )\bwell\b(?! as|,|-)|"
    r"\b(?:badly|poorly|nicely|neatly|ably|capably|properly|correctly|adequately|appropriately|satisfactorily|"
    r"satisfactory|satisfying|satisfied|successfully|unsuccessful|smooth|smoothly|effective|"
    r"effectively|efficient|efficiently|professional|professionally|excellent|great|pleasant|decent|acceptable|"
    r"acceptably|adequate|appropriate|proper|helpful|unhelpful|useful|useless|happy|unhappy|competent(?:ly)?|"
    r"perfect(?:ly)?|suitabl[ey]|meaningful|worthwhile|valuable|impressive|flawless(?:ly)?|(?:un)?clear(?:ly)?|"
    r"seamless(?:ly)?|fine|okay|ok|so-so|fair(?:ly)?|thorough(?:ly)?|reasonabl[ey]|sensibl[ey]|convincing(?:ly)?)\b|"
    r"(?<!returned )(?<!returns )(?<!reported )(?<!reports )\bsuccess(?:ful)?\b"
)
COMPARES = (
    r"\b(?:as (?:expected|intended|hoped|planned|required|desired|it should|best)|(?:make|made|makes) sense|"
    r"in a (?:\w+ )?(?:way|manner|fashion)|in the (?:right|proper|best|correct) (?:way|manner)|"
    r"(?:right|correct|best|wrong) (?:thing|way|answer|information|outcome|result|solution|help)|"
    r"(?:good|bad|poor|positive|negative|nice|high.quality|first.class|desired|favou?rable|strong|weak|better) "
    r"(?!faith|standing|morning|day|evening|afternoon|will|bye|friday)[a-z]+|(?:was|is|were|went|be|been) "
    r"(?:all |very |really |quite |so )?(?:good|bad|poor|right|positive|negative|nice|fair|better|there|enough)|"
    r"(?:far|well|long|clear|quick|soon|detailed|much) enough|enough (?:[\w'-]+ ){0,4}(?:to|for)|"
    r"as (?:[\w'-]+ ){1,3}(?:should|ought to|deserves?|would (?:expect|wish|like|want|hope))|"
    r"the way (?:that )?(?:[\w'-]+ ){1,2}(?:would |should |had |has )?(?:like|want|hope|expect|wish|need|intend)\w*)\b"
)
FIGURES = "|".join(
    (
        # It reached, or missed, what it aimed at.
        r"(?:hit|hits|miss\w*|off|near|wide of|short of|up to|close to|on) (?:the )?(?:mark|target|spot|right note)",
        r"(?:hit|hits|strik\w+|struck) (?:home|a chord|the right note|gold|the nail)",
        r"(?:f[ae]ll|falls|fallen|c[ao]mes?) (?:short|flat|into place|by the wayside|to nothing|to naught|good|together)",
        r"c[ao]mes? (?:up|through) (?:trumps|short|empty|with the goods)|(?:deliver\w*|ha[ds]|got) the goods",
        r"liv\w+ up to|measur\w+ up|shap\w+ up|cuts? (?:it|the mustard)|mak\w+ the (?:grade|cut)|made the (?:grade|cut)",
        r"(?:get|gets|got|getting) (?:some|any|no)where|(?:get|gets|got) (?:to grips|the job done|on top of|there)",
        r"(?:do|does|did|done) (?:the|its|their) (?:job|trick|business|bit)|(?:done|do|does|did) and dusted",
        r"(?:mak\w+|made) (?:\w+ )?(?:headway|progress|(?:a|the|all the) difference|good on)",
        r"(?:difference|headway|progress) (?:is|was|were|has been|had been) made|(?:rises?|rose|risen) to the (?:occasion|challenge)|pull\w* (?:it|this) off|(?:turn|turned) (?:it|things) around",
        r"(?:cross|over|across|past) the (?:finish(?:ing)? )?line|(?:bear|bears|bore|borne) fruit|holds? (?:up|water)",
        # Its state is good, or bad.
        r"(?:up|down) to (?:scratch|par|standard|snuff|speed|the (?:mark|task|job))|(?:on|below|above|under|sub) ?par",
        r"(?:stood|stands?) up|on (?:track|point|(?:firm|solid|safe|shaky) ground|its feet|their feet|the same (?:page|wavelength)|the ball|the right (?:track|lines|path|foot|note)|(?:\w+ )?good terms)|home and dry|up in the air",
        r"in (?:good|safe|capable|bad|great|poor|better|fine) (?:hands|shape|order|stead|nick|spirits)",
        r"in an? (?:\w+ )?(?:good|better|best|bad|worse|strong|weak|happy|happier|sad) (?:place|spot|position|shape|note)",
        r"(?:all|things?|everything|it|matters) (?:is|are|was|were|had been|being) (?:well|in order|in hand|squared away)",
        r"(?:is|are|was|were|be|been|prove\w*) of (?:\w+ ){0,2}(?:use|help|value|service|assistance|benefit|worth)",
        r"without an? (?:hitch|hiccup|snag)|like (?:a dream|clockwork|a charm)|plain sailing|smooth sailing|thumbs up",
        # It came to an end that leaves nothing, or something, to wish for.
        r"loose ends|(?:no|every) stone (?:un)?turned|left hanging|(?:left|leav\w+|kept|keep\w*) (?:\w+ ){0,3}"
        r"(?:hanging|dangling|in the dark|in limbo|high and dry|in the lurch|out in the cold|none the wiser|wanting)",
        r"(?:none|no|much|any) the wiser|empty-handed|out of the woods|back (?:to|at) square one|at a loose end",
        r"(?:clear|straighten|iron|smooth|patch|tid(?:y|ied)|sew|wrap|tie|tied|put|set|sort)\w* (?:things|matters|it all|it|"
        r"everything|this) (?:\w+ )?(?:up|out|right|straight|over)|(?:it|things|figures?|bill|sums?) (?:all )?"
        r"(?:add|stack)(?:s|ed)? up|\bto add up|(?:work|pan|turn)\w* out (?:well|fine|in the end|for the best|for)",
        r"(?:it|visit|effort|wait|call|chat|things) (?:all )?(?:work|pan)(?:s|n?ed)? out|let (?:[\w'-]+ ){1,4}down",
        r"(?:walk|came|come|went)\w* away (?:with|happier|better)|(?:better|worse) off|the (?:right|wrong) direction|"
        r"(?:left|leaves?) no (?:doubt|room)|on top of (?:it|things|everything)|cover\w* (?:all )?(?:the )?(?:ground|bases)|"
        r"put to (?:bed|rest)|(?:kept|keep\w*) (?:things|it) (?:moving|going)|(?:found|finds?) (?:common ground|\w+ answer)|"
        r"(?:gave|gives?|did|does) (?:it )?(?:their|its|his|her) (?:all|best)|tak\w+ (?:care of|seriously)",
        r"down (?:[\w'-]+ ){1,2}throats?|(?:took|takes?|taken) (?:ownership|charge|responsibility|(?:good )?care of)|(?:saw|sees?|seen) to|looks? after|looked after",
    )
)
"""Idioms of success and failure, by what they liken it to."""
EVALUATION = re.compile(rf"{GRADES}|{COMPARES}|\b(?:{FIGURES})\b")
QUOTED = re.compile(
    r"\b(?:sa(?:y|ys|id)|answer(?:s|ed)?|repl(?:y|ies|ied)|wr(?:ites?|ote)) (?:(?:yes|no|sure),? )?(?:fine|ok|okay|great|perfect|good|fair)\b"
)
"""What somebody answers with."""
NAME = re.compile(r"(?<=[a-z,;’'\"] )[A-Z]\w*")


@lru_cache(maxsize=20_000)
def evaluates(text: str) -> bool:
    """Whether a text judges; a word with a capital within a sentence is a name and judges nothing."""
    return EVALUATION.search(QUOTED.sub("", NAME.sub("", text).lower().replace("’", "'"))) is not None
