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
from serving.models.sources import sources
from serving.models.strangers import REAL, origin_of_home, refuse_strangers
from serving.next_steps import NextSteps
from serving.settings import ServiceSettings

if TYPE_CHECKING:
    from serving.answers import Scorer
    from serving.scoring import Models

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
    wrong with a new one, the old one stays.
    """

    def __init__(
        self, home: Home, settings: ServiceSettings, every_seconds: float | None = None
    ) -> None:
        self._home = home
        self._settings = settings
        self._sources = sources(home, settings)
        registry = settings.registry
        self._every = every_seconds or (registry.every_seconds if registry else HOME_EVERY_SECONDS)
        self._refused: dict[tuple[str, str | None], str] = {}
        self._said: frozenset[str] = frozenset()
        self._looking, self._stop = Lock(), Event()
        self._thread: Thread | None = None
        self.current: InUse | None = None
        self.why_not: str | None = "The service is starting."
        self.remark: str | None = None

    def start(self) -> None:
        """Finds the models, and begins to watch for others. Where there is none, `why_not` says
        why, and the first that comes is taken up."""
        _LOGGER.setLevel(logging.INFO)
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

        `remark` then says what was wrong on the way, in sentences; None where nothing was.
        """
        with self._looking:
            look = _Look()
            for rank in range(len(self._sources)):
                if self._settled(rank, look):
                    break
            if look.taken is not None:
                self.current, self.why_not = look.taken, None  # in this order: never neither
            elif self.current is None:
                self.why_not = " ".join(look.troubles or [self._no_model()])
            self.remark = " ".join(look.troubles) or None if self.current else None
            self._log(look)
            return look.taken is not None

    def _settled(self, rank: int, look: _Look) -> bool:
        """Asks one source; gives whether the others after it need not be asked."""
        current, source = self.current, self._sources[rank]
        keeps = current is not None and current.rank <= rank
        try:
            placed = source.find()
        except FirstcallError as error:
            look.troubles.append(self._home.left_out_of(str(error)))
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
                source.took(placed)
            return True
        try:
            look.taken = self._taken(placed, rank)
        except FirstcallError as error:
            look.troubles.append(str(error))
            return keeps
        source.took(placed)
        return True

    def _taken(self, placed: Placed, rank: int) -> InUse:
        """The pair, built and warmed up. Raises FirstcallError where it must not be asked; one that
        was refused is not built again."""
        from serving.answers import Scorer

        origin = origin_of_home(self._home)
        why = self._refused.get((placed.key, origin))
        if why is not None:
            raise RefusalError(why)
        try:
            models = placed.models()
            self._refuse_for_strangers(models, origin)
            scorer = Scorer(models, NextSteps.of(self._home).next_step)
            with in_turn(self._home):
                scorer.warm_up()
        except FirstcallError as error:
            said = self._refused[placed.key, origin] = self._home.left_out_of(str(error))
            raise RefusalError(said) from None
        except Exception as error:  # of a model that looked right; nobody's request meets it
            told = " and ".join(dict.fromkeys(placed.told.values()))
            said = f"The models of {told} cannot be asked ({where(error)})."
            self._refused[placed.key, origin] = said
            raise RefusalError(said) from None
        return InUse(scorer, placed.told, placed.cards(), rank, placed.key)

    def _refuse_for_strangers(self, models: Models, origin: str | None) -> None:
        """A model of made-up people does not take the place of one of real ones; where there is
        nothing to take the place of, each request is refused by itself."""
        current = self.current
        if current is None:
            return
        before = {m.metadata["origin"] for m in current.scorer.models.by_task.values()}
        people = origin or (REAL if REAL in before else "")
        refuse_strangers(models, people, self._settings.other_origin)

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
