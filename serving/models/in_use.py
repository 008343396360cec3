"""Which models answer: found at start, watched, and replaced as a pair while requests go on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from data.errors import FirstcallError, InputError, RefusalError, where
from data.home import Home
from serving.models.compiled import in_turn
from serving.models.placed import Placed
from serving.models.sources import BentoModels, HomeModels, sources
from serving.models.strangers import REAL, origin_of_home, refuse_strangers
from serving.next_steps import NextSteps
from serving.settings import ServiceSettings

if TYPE_CHECKING:
    from serving.answers import Scorer
    from serving.models.sources import Source

_LOGGER = logging.getLogger("firstcall.service")
HOME_EVERY_SECONDS = 10.0
"""How often the home's folder is looked at; a registry as its settings say."""


@dataclass(frozen=True)
class InUse:
    """A pair that answers. Whoever asks takes it once, and is answered by it whole, even where
    another one takes its place meanwhile.

    `sources` says by task where a model comes from, `cards` holds the cards of those that have one;
    `rank` is the place of the source among all, `key` tells the pair from another.
    """

    scorer: Scorer
    sources: Mapping[str, str]
    cards: Mapping[str, str]
    rank: int
    key: str

    @property
    def versions(self) -> dict[str, str]:
        """The version of each model, by task."""
        return self.scorer.models.versions


@dataclass
class _Look:
    """What one look at the sources came to: what was wrong, and the pair that was taken."""

    troubles: list[str] = field(default_factory=list)
    taken: InUse | None = None


class ModelsInUse:
    """The models of one worker.

    `start` finds them, and begins to watch: a newly promoted pair is fetched, checked, built and
    warmed up in a thread of its own, and takes the place of the old one in one step. Whatever is
    wrong with a new one, the old one stays. One that does not fit is built once, and refused from
    then on; after anything else that went wrong (a full disk, settings) the next look tries again.
    """

    def __init__(
        self, home: Home, settings: ServiceSettings, every_seconds: float | None = None
    ) -> None:
        self._home = home
        self._settings = settings
        self._sources = sources(home, settings)
        self._home_models = HomeModels(home)
        registry = settings.registry
        self._every = every_seconds or (registry.every_seconds if registry else HOME_EVERY_SECONDS)
        self._refused: dict[tuple[str, str], str] = {}
        self._took: tuple[int, str] | None = None
        self._next_steps: NextSteps | None = None
        self._said: frozenset[str] = frozenset()
        self._looking, self._stop = Lock(), Event()
        self._thread: Thread | None = None
        self.current: InUse | None = None
        self.why_not: str | None = "The service is starting."
        self.remark: str | None = None

    def start(self) -> None:
        """Finds the models, and begins to watch for others. Where there is none, `why_not` says
        why, and the first that comes is taken up. Raises what `next_steps` raises."""
        _LOGGER.setLevel(logging.INFO)
        self._next_steps = self.next_steps
        self.look()
        self._thread = Thread(target=self._watch, name="firstcall-models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch; a look that has begun is waited for a little."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def scorer(self) -> Scorer:
        """What scores now. Raises RefusalError with `why_not` where nothing does."""
        current = self.current
        if current is None:
            raise RefusalError(str(self.why_not))
        return current.scorer

    @property
    def next_steps(self) -> NextSteps:
        """The suggestions of this worker, read once: every pair tells them, and so does whoever
        tells a night's reasons. Raises InputError where next_steps.toml is wrong."""
        if self._next_steps is None:
            self._next_steps = NextSteps.of(self._home)
        return self._next_steps

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the models that answer now, by task."""
        current = self.current
        return current.versions if current else {}

    @property
    def sources(self) -> dict[str, str]:
        """Where each of them comes from, by task."""
        current = self.current
        return dict(current.sources) if current else {}

    def look(self) -> bool:
        """Looks once at every source that counts as much as the one in use, or more; takes its pair
        where it is another one and can be asked. Gives whether one was taken.

        `remark` then says what was wrong on the way, in sentences, and which models of the home are
        passed over for those of a Bento; None where there is nothing of either.
        """
        with self._looking:
            look = _Look()
            for rank in range(len(self._sources)):
                if self._settled(rank, look):
                    break
            if look.taken is not None:
                self.current, self.why_not = look.taken, None  # in this order: never neither
            elif self.current is None:
                self.why_not = " ".join(dict.fromkeys(look.troubles or [self._no_model()]))
            look.troubles += self._passed_over()
            self.remark = " ".join(dict.fromkeys(look.troubles)) or None if self.current else None
            self._log(look)
            return look.taken is not None

    def _settled(self, rank: int, look: _Look) -> bool:
        """Asks one source; gives whether the others after it need not be asked."""
        current, source = self.current, self._sources[rank]
        keeps = current is not None and current.rank <= rank
        try:
            placed = source.find()
        except (FirstcallError, OSError) as error:
            look.troubles.append(self._in_words(error))
            return keeps
        if placed is None:
            if rank == 0 and self._settings.registry is not None:
                look.troubles.append(
                    "The registry has no version with the alias "
                    f"{self._settings.registry.alias} of any model."
                )
            return keeps
        if current is not None and placed.key == current.key:
            if (rank, placed.told) != (current.rank, current.sources):
                self.current = InUse(current.scorer, placed.told, current.cards, rank, current.key)
        else:
            try:
                look.taken = self._taken(placed, rank)
            except (FirstcallError, OSError) as error:
                look.troubles.append(self._in_words(error))
                return keeps
        self._tell(source, rank, placed, look)
        return True

    def _tell(self, source: Source, rank: int, placed: Placed, look: _Look) -> None:
        """Tells a source that its pair answers, once; where that fails, at the next look again."""
        if self._took == (rank, placed.key):
            return
        try:
            source.took(placed)
            self._took = (rank, placed.key)
        except OSError as error:
            look.troubles.append(self._in_words(error))

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, OSError):
            what = error.strerror or type(error).__name__
            return f"Models cannot be read, or not be kept on the disk: {what}."
        return self._home.left_out_of(str(error))

    def _taken(self, placed: Placed, rank: int) -> InUse:
        """The pair, built and warmed up. Raises FirstcallError where it must not be asked, OSError
        where it cannot be read; one that does not fit is not built again."""
        from serving.answers import Scorer

        next_steps = self.next_steps
        people = self._people()
        why = self._refused.get((placed.key, people))
        if why is not None:
            raise RefusalError(why)
        try:
            models = placed.models().of_site(self._settings.worklist.tiers)
            if self.current is not None:  # else each request is refused by itself
                refuse_strangers(models, people, self._settings.other_origin)
            scorer = Scorer(models, next_steps.next_step)
            with in_turn(self._home):
                scorer.warm_up()
        except RefusalError as error:
            self._refused[placed.key, people] = self._home.left_out_of(str(error))
            raise
        except (FirstcallError, OSError):
            raise
        except Exception as error:  # of a model that looked right; nobody's request meets it
            told = " and ".join(dict.fromkeys(placed.told.values()))
            raise RefusalError(f"The models of {told} cannot be asked ({where(error)}).") from None
        return InUse(scorer, placed.told, placed.cards(), rank, placed.key)

    def _passed_over(self) -> list[str]:
        """What is to be said where the models of a Bento answer and the home holds others: a
        sentence, or none."""
        current = self.current
        if current is None or not isinstance(self._sources[current.rank], BentoModels):
            return []
        try:
            held = self._home_models.versions()
        except (FirstcallError, OSError):
            return []  # nobody answers by them
        if held.items() <= current.versions.items():
            return []
        named = ", ".join(f"{task} {version}" for task, version in held.items())
        return [
            f"FIRSTCALL_HOME holds other models ({named}) than the Bento, whose own answer: "
            "`firstcall bento` packs them."
        ]

    def _people(self) -> str:
        """Whom a new pair would score: "own" people, or people of another origin. A model of
        made-up people does not take the place of one of real ones."""
        origin = origin_of_home(self._home)
        if origin or self.current is None:
            return origin or ""
        before = {m.metadata["origin"] for m in self.current.scorer.models.by_task.values()}
        return REAL if REAL in before else ""

    def _no_model(self) -> str:
        from serving.scoring import Models

        try:
            Models.load(self._home)
        except InputError as error:
            return self._home.left_out_of(str(error))
        return "The models are being put in their place."

    def _log(self, look: _Look) -> None:
        """Says what changed, once."""
        if look.taken is not None:
            told = ", ".join(
                f"{task} {version} ({look.taken.sources[task]})"
                for task, version in look.taken.versions.items()
            )
            _LOGGER.info("These models answer now: %s.", told)
        said = frozenset(look.troubles if self.current else [str(self.why_not)])
        for sentence in sorted(said - self._said):
            _LOGGER.warning("%s", sentence)
        self._said = said

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except Exception as error:  # the next look may do better; the old pair answers on
                _LOGGER.warning("No look at the models was possible (%s).", where(error))
