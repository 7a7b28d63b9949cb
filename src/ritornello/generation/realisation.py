"""From a complete plan to notes: phrase by phrase, several realisations each, the best one kept.

All realisations of a phrase are drawn in one batch that forks from the same state of the model; the best one's state
goes on. A phrase that the plan calls an exact return is copied, and the model reads the copy. Header, fermatas and
lengths are the plan's, so the model is asked for voices only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ritornello.form.grid import Range, grid_of_plan, phrase_ranges, to_frames
from ritornello.form.plan import Plan
from ritornello.form.voices import Frames
from ritornello.generation.engine import Stream, new_stream
from ritornello.generation.judgement import likeness_of, merits_of
from ritornello.generation.places import places_of
from ritornello.generation.sampling import draw, min_p, scaled, top_p
from ritornello.generation.voice_rules import FIRST_VOICE_TOKEN, Moment, Place, Weights, apply_rules
from ritornello.models.base import LanguageModel
from ritornello.scores.score import Score
from ritornello.tokenizers.base import Tokens
from ritornello.tokenizers.chorale import (
    END,
    FERMATA,
    FIRST_PITCH,
    FRAME_TOKENS,
    HIGHEST_PITCH,
    HOLD,
    LOWEST_PITCH,
    NONE,
    PAD,
    REST,
    ChoraleTokenizer,
)

SILENT = -1


@dataclass(frozen=True, slots=True)
class Sampling:
    """How notes are drawn."""

    candidates: int = 12
    """Realisations of each phrase of which the best is kept."""
    temperature: float = 1.0
    mass: float = 0.98
    """Probability mass of the tokens that may be drawn."""
    least_share: float = 0.005
    """Nor is a token drawn that is less likely than this share of the likeliest."""
    weights: Weights = field(default_factory=Weights)


def realise(plan: Plan, model: LanguageModel, seed: int, sampling: Sampling) -> Score:
    """The notes of a complete plan."""
    writer = _Writer(plan, model, seed, sampling)
    for number in range(len(plan.phrases)):
        writer.write_phrase(number)
    return writer.score()


@dataclass(slots=True)
class _Draft:
    """One realisation of a phrase while it is written. ``sounding`` is the pitch of each voice, -1 = silent."""

    sounding: list[int]
    random: np.random.Generator
    tokens: list[list[int]] = field(default_factory=list[list[int]])
    pitches: list[list[int]] = field(default_factory=list[list[int]])


class _Writer:
    """Writes a piece from left to right; holds the model's stream and the frames so far."""

    def __init__(self, plan: Plan, model: LanguageModel, seed: int, sampling: Sampling) -> None:
        self.plan, self.seed, self.sampling = plan, seed, sampling
        self.grid, self.ranges, self.places = grid_of_plan(plan), phrase_ranges(plan), places_of(plan)
        self.channels, self.source = ChoraleTokenizer().conditions(plan)
        self.frames: list[list[int]] = []
        self.sounding: list[list[int]] = []
        self.unread = _header(plan)
        self.stream = new_stream(model)

    def write_phrase(self, number: int) -> None:
        """Copies an exact return, else draws the phrase several times and keeps the best."""
        motif = self.plan.phrases[number].motif
        if motif is not None and motif.relation == "exact" and motif.source is not None:
            frames = self._copy(self.ranges[motif.source], self.ranges[number])
            if frames is not None:
                self._take(frames)
                return
        drafts = self._draft(number)
        worths = [self._worth(number, draft) for draft in drafts[0]]
        best = int(np.argmax(worths))
        self.stream = drafts[1].fork([best])
        chosen = drafts[0][best]
        self.frames += chosen.tokens
        self.sounding += chosen.pitches
        self.unread = chosen.tokens[-1][-1:]

    def score(self) -> Score:
        """The piece so far, closed."""
        ids = [*_header(self.plan), *(token for frame in self.frames for token in frame), END, PAD, PAD, PAD, PAD]
        tokenizer = ChoraleTokenizer()
        return tokenizer.decode(Tokens(np.array(ids, dtype=np.int64), tokenizer.vocabulary.hash))

    def _copy(self, origin: Range, place: Range) -> list[list[int]] | None:
        """The frames of an earlier phrase, its last chord held longer; None if it lies elsewhere in the bar."""
        length, wanted = origin[1] - origin[0], place[1] - place[0]
        if (place[0] - origin[0]) % self.grid.bar_frames or wanted < length:
            return None
        frames = [list(frame) for frame in self.frames[origin[0] : origin[1]]]
        for voice, (before, pitch) in enumerate(zip(self.sounding[-1], self.sounding[origin[0]], strict=True), start=1):
            if frames[0][voice] == HOLD and before != pitch:  # it was held from another note there
                frames[0][voice] = FIRST_PITCH + pitch - LOWEST_PITCH
        return [*frames, *[[NONE, HOLD, HOLD, HOLD, HOLD]] * (wanted - length)]

    def _take(self, frames: list[list[int]]) -> None:
        """Goes on with given frames."""
        ids = [token for frame in frames for token in frame]
        self.stream = self._feed(self.stream, [[*self.unread, *ids[:-1]]])
        self.unread = ids[-1:]
        for frame in frames:
            before = self.sounding[-1] if self.sounding else [SILENT] * 4
            self.frames.append(frame)
            self.sounding.append([_sounding(token, old) for token, old in zip(frame[1:], before, strict=True)])

    def _draft(self, number: int) -> tuple[list[_Draft], Stream]:
        """Realisations of a phrase, and the stream that has read each of them but for its last token."""
        count = self.sampling.candidates
        before = self.sounding[-1] if self.sounding else [SILENT] * 4
        seeds = [np.random.default_rng([self.seed, 3, number, candidate]) for candidate in range(count)]
        drafts = [_Draft(list(before), random) for random in seeds]
        stream, unread = self.stream.fork([0] * count), [list(self.unread) for _ in drafts]
        start, end = self.ranges[number]
        for frame, place in enumerate(self.places[start:end], start):
            source = self._source_pitch(number, frame)
            mark = FERMATA if place.fermata else NONE
            befores = [tuple(draft.sounding) for draft in drafts]
            for draft, ids in zip(drafts, unread, strict=True):
                draft.tokens.append([mark])
                ids.append(mark)
            for voice in range(FRAME_TOKENS - 1):
                stream = self._feed(stream, unread)
                assert stream.logits_BV is not None
                unread = [
                    [self._write_voice(draft, logits, self._moment(place, voice, old, draft, source))]
                    for draft, old, logits in zip(drafts, befores, stream.logits_BV, strict=True)
                ]
            for draft in drafts:
                draft.pitches.append(list(draft.sounding))
        return drafts, stream

    def _source_pitch(self, number: int, frame: int) -> tuple[int, bool] | None:
        """What the soprano sounds at the source of a frame, moved as the motif says, and whether it is struck there."""
        position = int(self.source[FRAME_TOKENS * (frame + 1)])  # this row speaks of the frame's soprano
        origin = position // FRAME_TOKENS - 1  # the header is frame 0 of the stream
        motif = self.plan.phrases[number].motif
        if not 0 <= origin < len(self.frames) or self.sounding[origin][0] == SILENT:
            return None
        semitones = 0 if motif is None else motif.semitones
        return self.sounding[origin][0] + semitones, self.frames[origin][1] != HOLD

    @staticmethod
    def _moment(
        place: Place, voice: int, before: tuple[int, ...], draft: _Draft, source: tuple[int, bool] | None
    ) -> Moment:
        moment = Moment(place, voice, before, tuple(draft.sounding[:voice]))
        if voice or source is None or not LOWEST_PITCH <= source[0] <= HIGHEST_PITCH:
            return moment
        holds = before[0] == source[0] and not source[1]
        echo = (HOLD if holds else FIRST_PITCH + source[0] - LOWEST_PITCH) - FIRST_VOICE_TOKEN
        return replace(moment, echo=echo)

    def _write_voice(self, draft: _Draft, logits_V: NDArray[np.float64], moment: Moment) -> int:
        own = logits_V[FIRST_VOICE_TOKEN:]
        ruled = apply_rules(scaled(own, self.sampling.temperature), moment, self.sampling.weights)
        choice = draw(min_p(top_p(ruled, self.sampling.mass), self.sampling.least_share), draft.random.random())
        token = FIRST_VOICE_TOKEN + choice
        draft.tokens[-1].append(token)
        draft.sounding[moment.voice] = _sounding(token, draft.sounding[moment.voice])
        return token

    def _feed(self, stream: Stream, ids: list[list[int]]) -> Stream:
        here = slice(stream.length, stream.length + len(ids[0]))
        channels, source = self.channels[here], self.source[here]
        rows = (len(ids), *channels.shape)
        return stream.feed(np.array(ids), np.broadcast_to(channels, rows).copy(), np.tile(source, (len(ids), 1)))

    def _worth(self, number: int, draft: _Draft) -> float:
        (start, end), home = self.ranges[number], self.plan.key
        assert home is not None, "the plan is complete"
        slots = self.grid.slots(start, end)
        barlines = {bar for bar, _ in self.grid.bars}
        merits = merits_of(
            frames=Frames(np.array(draft.pitches), np.array(draft.tokens)[:, 1:] >= FIRST_PITCH),
            before=np.array(self.sounding[-1]) if self.sounding else None,
            phrase=self.plan.phrases[number],
            slots=[(first - start, stop - start) for first, stop in slots],
            on_barline=np.array([first in barlines for first, _ in slots]),
            home=home,
            likeness=self._likeness(number, draft),
        )
        return merits.worth

    def _likeness(self, number: int, draft: _Draft) -> float:
        motif = self.plan.phrases[number].motif
        if motif is None or motif.source is None:
            return 1.0
        tokens = np.array([*self.frames, *draft.tokens])[:, 1:]
        frames = Frames(np.array([*self.sounding, *draft.pitches]), tokens >= FIRST_PITCH)
        return likeness_of(frames, self.ranges[number], self.ranges[motif.source], motif)


def _header(plan: Plan) -> list[int]:
    assert plan.key is not None, "the plan is complete"
    assert plan.pickup_beats is not None, "the plan is complete"
    pickup, fifths = to_frames(plan.pickup_beats), plan.key.fifths
    names = ("BOS", f"METRE_{plan.metre}", f"PICKUP_{pickup}", f"FIFTHS_{fifths}", f"MODE_{plan.key.mode}")
    return [ChoraleTokenizer.vocabulary.ids[name] for name in names]


def _sounding(token: int, before: int) -> int:
    """What a voice sounds after a token."""
    return before if token == HOLD else SILENT if token == REST else token - FIRST_PITCH + LOWEST_PITCH
