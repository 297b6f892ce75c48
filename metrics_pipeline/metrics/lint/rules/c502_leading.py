"""Leading or emotional wording."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_said
from metrics_pipeline.metrics.lint.lexicon import noun_base, senses
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The useless agent miserably refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


VERDICTS = frozenset(
    # blame
    "abhorrent abominable absurd abysmal appalling arrogant asinine atrocious avaricious awful begrudging bitchy "
    "blatant brazen brutal byzantine callous careless cheeky clueless cold-hearted condescending contemptible "
    "contemptuous cowardly crafty crappy cruel cunning cynical damnable damned deceitful deplorable despicable "
    "detestable devastating devilish devious dire disastrous disgraceful disgusting disheartening dishonest dismal "
    "dodgy draconian dreadful dumb egregious embarrassing evil exasperating exorbitant exploitative extortionate "
    "farcical feeble flagrant foolish futile ghastly greedy grotesque grudging half-baked half-hearted hateful "
    "haughty heartless heavy-handed heinous hellish hideous high-handed hopeless horrendous horrible horrid horrific "
    "hypocritical idiotic imbecilic immoral incompetent inconsiderate inept inexcusable infuriating inhuman inhumane "
    "insincere insolent insufferable intolerable irresponsible kafkaesque lackadaisical lackluster lacklustre "
    "lamebrained lamentable laughable lazy loathsome lousy ludicrous maddening malicious meager meagre mean-spirited "
    "measly mediocre merciless mind-numbing mindless miserable miserly money-grabbing monstrous moronic murderous "
    "nasty notorious obnoxious obscene odious oppressive outrageous overpriced paltry pathetic patronising "
    "patronizing pitiful pitiless pointless pompous predatory preposterous pushy rapacious remorseless reprehensible "
    "repugnant repulsive ridiculous ruthless savage scandalous scornful second-rate selfish senseless shambolic "
    "shameful shameless shifty shitty shocking shoddy sickening silly sinister slapdash sleazy slimy slipshod sloppy "
    "sly smarmy smug sneaky snide soulless spineless spiteful spurious stingy stubborn stupid tawdry terrible "
    "third-rate thoughtless tight-fisted torturous trashy treacherous unacceptable unbelievable uncaring "
    "unconscionable unethical unfair unforgivable ungrateful unjust unjustifiable unkind unprofessional unscrupulous "
    "useless vile villainous vindictive vitriolic wicked wimpish woeful worthless wretched "
    # praise
    "admirable adorable amazing angelic astonishing astounding awesome big-hearted brave breathtaking brilliant "
    "charming classy commendable compassionate considerate courageous dauntless dazzling delightful exemplary "
    "exquisite fabulous fantastic fearless gallant generous glorious gorgeous gracious hard-working heart-warming "
    "heartwarming heavenly heroic impeccable incredible indefatigable inspiring kind-hearted lovely magnificent "
    "marvellous marvelous masterful miraculous noble peerless phenomenal praiseworthy saintly selfless sensational "
    "spectacular splendid stellar stunning superb superlative talented terrific tireless top-notch tremendous "
    "unstinting valiant warm-hearted wonderful wondrous world-class "
    # pity
    "agonising agonizing beleaguered blameless defenceless defenseless downtrodden gut-wrenching hapless hard-earned "
    "hard-pressed hard-won harrowing heart-breaking heartbreaking heartbroken helpless ill-fated interminable "
    "long-suffering luckless much-loved never-ending pitiable soul-destroying tragic underserved undeserved "
    "unsuspecting well-deserved".split()
)
"""Adjectives that pass a moral or emotional verdict, nearly all there are; an adverb in -ly counts as well. What only
grades the work (good, polite, thorough) is not among them, nor what a trade calls its cases (fraudulent, damaged)."""
ADVERBS = frozenset(
    "alas blithely coldly downright gleefully grossly harshly hopefully inevitably kindly luckily meanly mercifully "
    "obviously predictably regrettably rightfully rightly rudely sadly so-called supposedly surely thankfully "
    "undoubtedly unfortunately utterly".split()
)
OF_PEOPLE = frozenset("poor unlucky unfortunate innocent desperate decent honest honourable honorable".split())
"""A verdict when they stand before people or a company, harmless elsewhere: a poor signal."""
IDIOM = re.compile(
    r"\b(?:of course|needless to say|as (?:everybody|everyone|we all) knows?|we all know|isn't it|don't you|who "
    r"wouldn't|yet again|yet another|once again failed|at long last|as always|"
    r"(?:did|does|do|could|would|was|were|had|has) not even|\w+n't even|never even|even (?:manage|bother|care)\w*|"
    r"(?:bother|deign|condescend)(?:s|ed|ing)? to|(?:is|are|be|been|can|was|were) bothered to|dare[sd]? to|"
    r"(?:nerve|cheek|gall|audacity|decency|courtesy|good grace|grace|common sense|guts|effrontery) to|lift\w* a finger|"
    r"show(?:s|ed|n|ing)? (?:\w+ ){0,3}(?:humanity|heart|mercy|decency|backbone|spine|compassion|kindness|remorse|"
    r"shame)|"
    r"c[ao]m(?:e|es|ing) clean|finally (?:admit|confess|relent|cav|bother|own|gave in|give)\w*|did the right thing|"
    r"no fault of (?:their|his|her) own|deserv(?:e|es|ed|ing)|nightmare|a disaster|a disgrace|a shambles|a scandal|"
    r"slap\w* (?:\w+ )?with|(?:get|gets|got) (?:hit|stung|slapped|landed|lumbered|saddled) with|"
    r"(?:lumber|saddle)(?:s|ed|ing)? (?:\w+ ){0,3}with|(?:badger|hound|fleec|weasel|parrot|mock|nagg|whin)(?:ed|ing)|"
    r"(?:pester|browbeat|bamboozl|hoodwink|stonewall|foist|peddl|grovel|whinge|bungl|botch|belittl|humiliat)(?:e|es|"
    r"s|ed|d|ing)?|"
    r"fob(?:s|bed|bing)? (?:\w+ ){0,3}off|palm(?:s|ed|ing)? (?:\w+ ){0,3}off|rip(?:s|ped|ping)? (?:\w+ ){0,3}off|"
    r"brush(?:es|ed|ing)? (?:\w+ ){0,3}(?:off|aside)|shrug(?:s|ged|ging)? (?:\w+ ){0,3}off|trot\w* out|"
    r"string\w* (?:\w+ ){0,3}along|strung (?:\w+ ){0,3}along|(?:shov|ram|forc|thrust)\w* [^.;]*\bdown "
    r"[^.;]*\bthroats?|in the lurch|out to dry|under the bus|"
    r"the run-?around|goose chase|pass\w* the buck|wash\w* (?:its|their|his|her) hands|a blind eye|care[sd]? less|"
    r"a shred of|the extra mile|above and beyond|worked? (?:wonders|miracles)|sav(?:e|es|ed) the day|"
    r"like a (?:robot|parrot|broken record|champion|champ|pro|hero|star)|like (?:a dog|dirt|cattle|an idiot|a fool|a "
    r"child|a criminal)|(?:a fool|fools|an idiot|a mockery) (?:out )?of|"
    r"g[eo]t(?:s|ting)? away with|heaven and earth|wast(?:e|es|ed|ing) (?:[\w’']+ ){0,4}time|(?:blather|waffl|rambl|"
    r"dron|prattl)\w* on|"
    r"(?:squeez|milk|wring|wrung|bleed|bled)\w* (?:[\w’']+ ){1,4}(?:out of|dry)|self-respecting|right-minded|common "
    r"decency|idiots?|morons?|fools?|saints?|crooks?|liars?|cowards?)\b|!(?=\s|$)",
)
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Hit]:
    for loc, text in subject.prose:
        found = next(
            (place for place in _verdicts(text) if not is_said(text, place.start()) and not _is_open(text, place)), None
        )
        if found:
            yield Hit(subject, loc, f"{found.group()!r} says what to feel about it.")


def _is_open(text: str, verdict: re.Match[str]) -> bool:
    """Whether the opposite follows, so that nothing is decided: `rightly or wrongly`."""
    return re.match(r",? or (?:\w+ly|not|un\w+)\b", text[verdict.end() :]) is not None


def _verdicts(text: str) -> Iterator[re.Match[str]]:
    yield from IDIOM.finditer(text.lower())
    listed = list(WORD.finditer(text))
    for index, found in enumerate(listed):
        word = found.group()
        is_name = word[0].isupper() and index > 0 and not re.search(r"[.!?:]\s*$", text[: found.start()])
        following = [other.group().lower() for other in listed[index + 1 : index + 3]]
        if not is_name and (
            _is_verdict(word.lower()) or (word.lower() in OF_PEOPLE and any(map(_is_people, following)))
        ):
            yield found


def _is_verdict(word: str) -> bool:
    root = word.removesuffix("ly")
    # Shamelessly, terribly, greedily, tragically.
    forms = (word, root, f"{root}le", f"{root.removesuffix('i')}y", root.removesuffix("al"))
    return word in ADVERBS or not VERDICTS.isdisjoint(forms if root != word else (word,))


def _is_people(word: str) -> bool:
    base = noun_base(word) or word
    kinds = senses(base)
    return (
        base in ACTORS
        or word in ACTORS
        or ("n" in kinds and kinds["n"].meaning == "person")
        or base in ("company", "business")
    )


RULE = Rule(
    code="C502",
    title="Leading or emotional wording",
    wrong="The wording says what to feel about the answer.",
    why="It pushes the judge towards one answer.",
    fix="Say what happened, without a verdict on it.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
