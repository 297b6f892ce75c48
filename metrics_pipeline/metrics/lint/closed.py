"""The closed classes of English words: those that no new word ever joins."""

from __future__ import annotations

BE = frozenset("be am is are was were been being isn't aren't wasn't weren't".split())
AUXILIARIES = BE | frozenset(
    "have has had having haven't hasn't hadn't do does did don't doesn't didn't can could may might must shall should will "
    "would cannot can't couldn't mustn't shouldn't won't wouldn't get gets got".split()
)
MODALS = AUXILIARIES - BE - frozenset("have has had having get gets got".split())
PRONOUNS = frozenset(
    "i you he she it we they me him us them who whom whoever myself yourself himself herself itself ourselves themselves "
    "nobody somebody anybody everybody none nothing something anything everything someone anyone everyone this these those "
    "neither either both one ones another others".split()
)
DETERMINERS = frozenset(
    "the a an each every any no some all its their his her our your my whose such either neither both another other "
    "this these those that what which many much more most few fewer several enough".split()
)
NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve first second third last next".split()
)
COUNTS = frozenset("several both few these those many".split())
PREPOSITIONS = frozenset(
    "of to in on at by for with from into onto about over under between during through against towards toward upon within "
    "without per via off out up down across behind beyond near along among around beside besides despite except like "
    "inside outside above below ahead back away instead plus than as".split()
)
COORDINATORS = frozenset("and or but nor yet".split())
SUBORDINATORS = frozenset(
    "that which who whom whose whoever because when whenever after before once if unless until till while whilst so then "
    "whether although though since where wherever why how what whatever whichever".split()
)
SENTENCE_ENDS = frozenset(".;!?")
ADVERBS = frozenset(
    "not never n't also only just even still already again too very really quite rather almost always often once twice "
    "here there somewhere anywhere nowhere everywhere now then soon later ever yet together instead however merely simply both at least most".split()
)
NEGATIONS = frozenset("not no never neither nor none nothing nobody without nowhere hardly cannot".split())


CLOSED = PREPOSITIONS | DETERMINERS | AUXILIARIES | SUBORDINATORS | COORDINATORS | ADVERBS | PRONOUNS
