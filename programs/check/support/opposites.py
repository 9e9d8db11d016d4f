"""Word lists of English for the check of support: opposites, words that deny, quantifiers and hedges."""

from __future__ import annotations

from .claim_words import stem, word_set

_OPPOSITES = """
more greater|less fewer
most|few least
higher high|lower low
earlier prior|later
above over|below under beneath
first|last final
faster fast quick quickly|slower slow slowly
rise rose risen gain gained climb climbed jump jumped soar soared rally rallied surge advance|fall fell fallen drop dropped sink sank decline declined slump plunge slip slipped lose lost tumble
increase increased raise raised lift lifted grow grew boost|decrease decreased reduce reduced cut trim trimmed shrink shrank
upright|reversed reverse
bullish|bearish
cheap cheaper inexpensive|dear dearer expensive costly
always|never
usually often frequently|rarely seldom hardly
full|empty
big bigger large larger|small smaller
long longer|short shorter
wide wider|narrow narrower
strong stronger|weak weaker
heavy heavier|light lighter
early|late
old older|new newer
easy easier|hard harder difficult
same identical alike|different unlike separate
keep kept remain stay preserve|change changed alter lose
start begin began open|stop end ended close finish
allow allowed permit accept|forbid forbidden refuse reject block deny prohibit
include included|exclude excluded omit
enable enabled|disable disabled
accept accepted|reject rejected
win won winner|lose lost loser
buy bought buyer|sell sold seller
enter|leave
add added|remove removed delete
pass passed succeed|fail failed
safe|unsafe dangerous
public|private
open|closed
inside within|outside
local|remote
static|dynamic
synchronous|asynchronous
optional|mandatory required
free|paid
manual manually|automatic automatically
mutable|immutable
visible|invisible hidden
possible|impossible
needed necessary|unnecessary
support supported|drop unsupported
encourage encouraged advised favoured|discourage discouraged
enjoy enjoyed|mourn mourned dread
good better best|bad worse worst
present|absent
success|failure
profit|loss
positive|negative
true|false
maximum most|minimum least
minimum|maximum
north|south
east|west
day|night
waxing|waning
morning|evening
direct|retrograde
friend ally|enemy foe
love|hate
hot warm|cold cool
dry|wet
left|right
top upper|bottom lower
front|back
forward|backward
ascending|descending
gain|loss
outperform beat exceed exceeded top topped|miss missed underperform trail
upgrade upgraded|downgrade downgraded
expand expanded|contract contracted
calm quiet|stormy turbulent
active|passive
many|few
some|none
sooner|later
ahead|behind
rich|poor
ally|rival
attract|repel
tight tighter|loose looser
accelerate accelerated|slow slowed decelerate
agree|disagree
appear|disappear vanish
approve approved|reject rejected
arrive|depart
attack|defend
borrow|lend
borrower|lender
bless|curse
combine join|separate split
connect connected|disconnect disconnected
create|destroy
gather|scatter
hasten|delay postpone
advance brought|postpone delay
reveal|hide conceal
help|hinder hurt
import|export
improve improved|worsen worsened deteriorate
lock locked|unlock unlocked
obey|disobey
praise|blame
push|pull
remember|forget
reward|punish
save|waste
send|receive
strengthen|weaken
tighten|loosen
trust|distrust mistrust
unite|divide
welcome|repel
widen widened|narrow narrowed
ancient|modern
bright|dark
busy|idle
careful|careless
clean|dirty
common|rare
deep|shallow
even|odd
fertile|barren
flexible|rigid
generous|stingy
guilty|innocent
happy|sad
healthy|sick
horizontal|vertical
humble|proud
inner|outer
internal|external
lenient|strict
loud|quiet
lucky|unlucky
masculine|feminine
native|foreign
natural|artificial
near|far
patient|impatient
permanent persistent|temporary ephemeral
plentiful abundant|scarce
stateful|stateless
successful|unsuccessful
sweet|bitter
thick|thin
useful|useless
virtual|physical
voluntary|forced
wise|foolish
together|apart
inward|outward
upward|downward
clockwise|counterclockwise anticlockwise
premium|discount
surplus|deficit
inflow|outflow
acquirer buyer|target
ceiling resistance|floor
peak|trough
upside|downside
hawkish|dovish
oversold|overbought
undervalued|overvalued
conscious|unconscious
order|chaos
encrypt|decrypt
encode|decode
upload|download
lazy|eager
blocking|nonblocking
sequential|parallel
proprietary commercial|open
beginning start|end
majority|minority
maternal|paternal
father|mother
brother|sister
king|queen
husband|wife
male|female
hot|cold
summer|winter
spring|autumn
sunrise|sunset
dawn|dusk
north northern|south southern
east eastern|west western
plus|minus
multiply|divide
parent|child
client|server
sender|receiver
producer|consumer
reader|writer
"""


def _read_opposites(kin: bool) -> dict[str, set[str]]:
    against: dict[str, set[str]] = {}
    for line in _OPPOSITES.split("\n"):
        sides = [{stem(word) for word in side.split()} for side in line.split("|")]
        for side, other in (sides, sides[::-1]) if len(sides) == 2 else ():
            for word in side:
                against.setdefault(word, set()).update(side if kin else other)
    return against


OPPOSITES = _read_opposites(kin=False)
"""By stem, the stems of what says the opposite."""
SAME_SIDE = _read_opposites(kin=True)
"""By stem, the stems of what says much the same."""

DENIALS = word_set(
    """
    not no never without cannot nor none nobody nothing neither nowhere n't
    """
)
"""Words that deny what follows."""

DENYING = DENIALS | word_set(
    """
    lack lacks lacking fail fails failed refuse refuses refused reject rejected rejects skip skipped skips
    ignore ignored ignores avoid avoids avoided prevent prevents prevented stop stops stopped forbid forbids
    forbidden deny denies denied discourage discouraged absent missing unlike rather instead only just little
    few fewer hardly barely rarely seldom scarcely modest off disabled unavailable impossible unable invisible
    too exclude excluded excludes except unless against until barred gone free stripped drop drops dropped short
    least less neither unnecessary unneeded unsupported omit omits omitted loses lost loss hidden stays remains
    end ended ends hold holds stuck disagree disagrees leave leaves left alone instead warn warns warned beyond
    closed small smaller ceased withdrawn withdrew cancelled halted blocked resist resisted resists spoil bare
    deliberately minus exempt
    """
)
"""Words by which a text may deny something without "not"."""

OMISSIONS = word_set(
    """
    skip skips skipped ignore ignores ignored refuse refuses refused lack lacks lacked reject rejects rejected forbid
    forbids forbidden missing absent invisible omit omits omitted exclude excludes excluded disabled unsupported
    """
)
"""Words that deny a thing on their own."""

UNIVERSALS = word_set(
    """
    all always every each never only none nobody everyone everything everybody whenever entirely
    completely exclusively invariably guaranteed wholly nothing solely
    """
)
"""Strong quantifiers: what puts them in says more than some, usually or often."""

UNIVERSAL_KIN = UNIVERSALS | word_set(
    """
    any whole entire both no single complete without sole alone unless until nor not cannot anything
    wherever must total everywhere unique exactly throughout just record
    """
)
"""Words of what is cited that may bear a strong quantifier out."""

HEDGES = word_set(
    """
    some usually often most many sometimes occasionally tend tends commonly few generally typically mostly frequently
    normally rarely seldom partly largely several
    """
)
"""Words by which a text says less than all or always."""

NOT_AFFIRMING = (
    DENIALS
    | OMISSIONS
    | word_set(
        """
        only fail fails failed avoid avoids avoided prevent prevents prevented stop stops stopped deny denies denied
        discourage discouraged unlike rather instead little few fewer hardly barely rarely seldom unable impossible
        unnecessary too against neither except beyond ceased withdrawn break breaks breaking violate violates wrong
        illegal error
        """
    )
)
"""Words by which a claim may say no without "not"."""
