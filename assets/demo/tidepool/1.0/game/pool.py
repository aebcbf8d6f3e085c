"""The pool and what lives in it: pure, no Qt, no clock. Places are complex numbers in a field of 960 by 600."""

import cmath
import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from game.levels import Level

WIDTH, HEIGHT = 960.0, 600.0
FLOOR = 528.0
"""Where the sand begins."""
_CALM_S = 1.6
_DASH_S, _REST_S = 0.35, 1.4
Kind = Literal["urchin", "crab", "jelly"]


@dataclass(slots=True)
class Fish:
    """One of the shoal that follows."""

    place: complex
    speed: complex = 0j


@dataclass(slots=True)
class Hazard:
    """What hurts. ``phase`` makes each move in its own time."""

    kind: Kind
    home: complex
    place: complex
    radius: float
    phase: float


@dataclass(slots=True)
class Pearl:
    """What is gathered; ``age_s`` lets it grow as it appears."""

    place: complex
    age_s: float = 0.0


@dataclass(slots=True)
class Spark:
    """A short light after something happened."""

    place: complex
    speed: complex
    left_s: float
    text: str = ""


@dataclass(slots=True)
class Wish:
    """What the player wants now: a direction of at most length 1, and a dash."""

    steer: complex = 0j
    dash: bool = False


@dataclass
class Pool:
    """A round of the game. Call `step` with the seconds that passed."""

    level: Level
    dash_known: bool
    dice: random.Random = field(default_factory=random.Random)
    place: complex = complex(WIDTH / 2, HEIGHT / 2)
    speed: complex = 0j
    heading: float = 0.0
    score: int = 0
    time_s: float = 0.0
    calm_s: float = _CALM_S
    dash_s: float = 0.0
    rest_s: float = 0.0
    is_over: bool = False
    shoal: list[Fish] = field(default_factory=list)
    pearls: list[Pearl] = field(default_factory=list)
    hazards: list[Hazard] = field(default_factory=list)
    sparks: list[Spark] = field(default_factory=list)
    trail: deque[complex] = field(default_factory=lambda: deque(maxlen=400))

    def __post_init__(self) -> None:
        self.pearls = [Pearl(self._free_place()) for _ in range(self.level.pearls)]
        for number in range(self.level.urchins):
            x = (number + self.dice.uniform(0.2, 0.8)) * WIDTH / max(1, self.level.urchins)
            self._add("urchin", complex(x, FLOOR + self.dice.uniform(-6, 30)), 24)
        for _ in range(self.level.crabs):
            self._add("crab", complex(self.dice.uniform(120, 840), FLOOR + 22), 26)
        for number in range(self.level.jellies):
            self._add("jelly", complex((number + 0.5) * WIDTH / self.level.jellies, self.dice.uniform(130, 380)), 30)

    @property
    def left_s(self) -> float:
        """Seconds until the tide ends the round."""
        return max(0.0, self.level.seconds - self.time_s)

    def step(self, seconds: float, wish: Wish) -> None:
        """Let everything live for this long."""
        if self.is_over:
            return
        self.time_s += seconds
        self._swim(seconds, wish)
        self._follow(seconds)
        for hazard in self.hazards:
            _move(hazard, self.time_s)
        self._gather(seconds)
        self._meet(seconds)
        for spark in self.sparks:
            spark.place += spark.speed * seconds
            spark.left_s -= seconds
        self.sparks = [spark for spark in self.sparks if spark.left_s > 0]
        if self.left_s == 0:
            self.is_over = True

    def _add(self, kind: Kind, place: complex, radius: float) -> None:
        self.hazards.append(Hazard(kind, place, place, radius, self.dice.uniform(0, math.tau)))

    def _free_place(self) -> complex:
        """Somewhere away from the fish and from what hurts."""
        place = 0j
        for _ in range(30):
            place = complex(self.dice.uniform(50, WIDTH - 50), self.dice.uniform(80, FLOOR - 30))
            far = abs(place - self.place) > 120
            if far and all(abs(place - it.place) > it.radius + 34 for it in self.hazards):
                break
        return place

    def _swim(self, seconds: float, wish: Wish) -> None:
        self.rest_s, self.dash_s = max(0.0, self.rest_s - seconds), max(0.0, self.dash_s - seconds)
        if wish.dash and self.dash_known and self.rest_s == 0:
            self.dash_s, self.rest_s = _DASH_S, _REST_S
            self.speed += cmath.rect(300, self.heading)
        push = wish.steer / max(1.0, abs(wish.steer))
        self.speed += push * 1500 * seconds
        self.speed *= math.exp(-(1.2 if self.dash_s else 4.2) * seconds)
        self.place += self.speed * seconds
        x, y = min(max(self.place.real, 20), WIDTH - 20), min(max(self.place.imag, 30), FLOOR + 26)
        if (x, y) != (self.place.real, self.place.imag):
            self.speed *= 0.6
        self.place = complex(x, y)
        if abs(self.speed) > 12:
            turn = cmath.phase(self.speed / cmath.rect(1, self.heading))
            self.heading += turn * min(1.0, 9 * seconds)
        if not self.trail or abs(self.trail[0] - self.place) > 4:
            self.trail.appendleft(self.place)

    def _follow(self, seconds: float) -> None:
        for number, fish in enumerate(self.shoal):
            behind = min(len(self.trail) - 1, 5 + number * 2)
            sway = cmath.rect(9 + number % 5 * 5, number * 2.4 + self.time_s * 1.3)
            aim = (self.trail[behind] if behind >= 0 else self.place) + sway
            fish.speed += (aim - fish.place) * 34 * seconds
            fish.speed *= math.exp(-5.5 * seconds)
            fish.place += fish.speed * seconds

    def _gather(self, seconds: float) -> None:
        for pearl in self.pearls:
            pearl.age_s += seconds
        for pearl in [pearl for pearl in self.pearls if abs(pearl.place - self.place) < 30]:
            worth = 10 * (1 + len(self.shoal) // 3)
            self.score += worth
            self.sparks.append(Spark(pearl.place, -46j, 0.9, f"+{worth}"))
            self._burst(pearl.place, 7)
            self.shoal.append(Fish(pearl.place))
            self.pearls.remove(pearl)
            self.pearls.append(Pearl(self._free_place()))

    def _meet(self, seconds: float) -> None:
        self.calm_s = max(0.0, self.calm_s - seconds)
        hit = next((it for it in self.hazards if abs(it.place - self.place) < it.radius + 10), None)
        if hit is None or self.calm_s or self.dash_s:
            return
        self._burst(self.place, 16)
        self.speed = (self.place - hit.place) / max(1.0, abs(self.place - hit.place)) * 380
        self.calm_s = _CALM_S
        if not self.shoal:
            self.is_over = True
        del self.shoal[len(self.shoal) // 2 :]

    def _burst(self, place: complex, count: int) -> None:
        for _ in range(count):
            speed = cmath.rect(self.dice.uniform(30, 150), self.dice.uniform(0, math.tau))
            self.sparks.append(Spark(place, speed, self.dice.uniform(0.3, 0.7)))


def _move(hazard: Hazard, time_s: float) -> None:
    turn = time_s + hazard.phase * 3
    if hazard.kind == "crab":
        hazard.place = complex(WIDTH / 2 + math.sin(turn * 0.5) * (WIDTH / 2 - 60), hazard.home.imag)
    elif hazard.kind == "jelly":
        hazard.place = hazard.home + complex(math.sin(turn * 0.6) * 70, math.sin(turn * 1.1) * 80)


def pilot(pool: Pool) -> Wish:
    """Plays by itself, for the picture behind the title and for tests: to the next pearl, around what hurts."""
    pearl = min(pool.pearls, key=lambda it: abs(it.place - pool.place))
    steer = (pearl.place - pool.place) / max(1.0, abs(pearl.place - pool.place))
    for hazard in pool.hazards:
        away = pool.place - hazard.place
        near = hazard.radius + 80
        if abs(away) < near:
            steer += away / max(1.0, abs(away)) * (near - abs(away)) / 26
    return Wish(steer * 0.8)
