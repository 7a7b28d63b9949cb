"""A Form that reads a few tokens of one piece in a fraction of the time: the same model in fewer, smaller operations.

What a step of a small model costs is hardly arithmetic. ``Form.forward`` calls torch some two thousand times, and each
call takes its microseconds however few numbers it is for. Here torch does what there are many numbers for, products of
matrices and norms, and numpy, in a third of the time or less, all the small things between. Nothing has the batch as a
dimension, and whatever is not a step (many tokens, many pieces, a section that begins) is left to the Form, whose
states these are.

Shapes: those of ``form.py`` without B; R rows of a table, N features, P pointers, A answers of the sections before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from ritornello.models.base import Conditions, LanguageModel
from ritornello.models.form import Form, FormState
from ritornello.models.transformer import Layer
from ritornello.modules.arrays import as_array, as_tensor
from ritornello.modules.features import FeatureSum
from ritornello.modules.keyboard import NUM_PITCHES
from ritornello.modules.memory import KVCache, LongCache, stays_recent
from ritornello.modules.pointed import PointedAttention, PointedInput, layout_of
from ritornello.modules.positions import Turns, turns
from ritornello.modules.recall_in_parts import RecallState, recall_one_by_one
from ritornello.modules.sections import MAX_SECTIONS, SectionMemory, SectionState, SectionSums

MOST_AT_ONCE = 8
"""Tokens of a step."""
NUMPY_TOO = (torch.float32, torch.float64)
"""Numbers that numpy has as well."""
Array = NDArray[Any]


class FormSteps:
    """The model, on a CPU, with its weights as they are now; their numbers are of a kind that numpy has."""

    def __init__(self, model: Form) -> None:
        self.model, self.config = model, model.config
        self._embedding_VD = as_array(model.embedding.weight)
        self._told = _Features(model.conditions)
        self._most_told_C = as_array(model.most_told_C)
        self._pointers = _Pointers(model) if model.pointed is not None else None
        self._recalled = _Features(model.recalled) if model.recalled is not None else None
        self._layers = [_LayerStep(layer, model.config.num_heads) for layer in model.layers]
        self._sections = _SectionStep(model.memory) if model.memory is not None else None
        self._source = _SourceStep(model.source) if model.source is not None else None
        self._norm, self._head = _Normed(model.norm), _Product(model.head)
        self._worth = _Product(model.worth_head) if model.worth_head is not None else None

    def new_state(self, batch_size: int) -> FormState:
        """The Form's."""
        return self.model.new_state(batch_size)

    def state_bytes(self, batch_size: int, num_tokens: int) -> int:
        """Likewise."""
        return self.model.state_bytes(batch_size, num_tokens)

    def forward(
        self, ids_BT: Tensor, state: FormState | None = None, conditions: Conditions | None = None
    ) -> tuple[Tensor, FormState]:
        """As ``Form.forward``, up to rounding."""
        if state is None or conditions is None or not self._is_step(ids_BT, state, conditions):
            return self.model.forward(ids_BT, state, conditions)
        (ids_T,), (channels_TC,), (source_T,) = map(as_array, (ids_BT, *conditions))
        x_TD = self._embedding_VD[ids_T] + self._told.summed(np.minimum(channels_TC, self._most_told_C))
        ids_BS, recalled, pointed = state.ids_BS, state.recalled, None
        if self._pointers is not None:
            ids_BS = torch.cat([ids_BS, ids_BT.to(torch.int16)], dim=1)
            places, semitones = self._pointers.source(source_T, channels_TC)
            if self._recalled is not None and recalled is not None:
                found, recalled = self._pointers.recall(ids_T, channels_TC, recalled)
                x_TD += self._recalled.summed(found[1])
                places = np.concatenate([places, found[0]], axis=1)
                semitones = np.concatenate([semitones, found[2]], axis=1)
            pointed = self._pointers.around(places, semitones, as_array(ids_BS)[0])
            x_TD += self._pointers.told(pointed)
        start, T = state.position, len(ids_T)
        caches, sections, h_TD = list[LongCache](), state.sections, as_tensor(x_TD)
        by = _ScaledTurns.of(turns(start, T, self.config.head_width, self.model.norm.weight))
        for number, (layer, past) in enumerate(zip(self._layers, state.caches, strict=True)):
            if number == len(self._layers) // 2:
                if self._sections is not None and sections is not None:
                    h_TD, sections = self._sections.read(h_TD, sections)
                if self._source is not None and pointed is not None:
                    h_TD = h_TD + self._source.heard(h_TD, pointed)
            h_TD, cache = layer.read(h_TD, past, start, by)
            caches.append(cache)
        logits_TV = self._logits(self._norm(h_TD), pointed)
        return logits_TV[None], FormState(tuple(caches), ids_BS, recalled, sections, start + T)

    def _is_step(self, ids_BT: Tensor, state: FormState, conditions: Conditions) -> bool:
        """Whether these are a few tokens of one piece, behind others of the same section, and nobody is to learn."""
        B, T = ids_BT.shape
        if B > 1 or not 0 < T <= MOST_AT_ONCE or not state.position or torch.is_grad_enabled():
            return False
        if self.model.training or state.caches[0].old.keys_BHSK.dtype != self.model.norm.weight.dtype:
            return False
        if state.sections is None:
            return True
        highest = max(as_array(conditions.channels_BTC)[0, :, self.config.section_channel].tolist())
        return min(highest, MAX_SECTIONS - 1) <= int(state.sections.section_B)

    def _logits(self, x_TD: Tensor, pointed: Array | None) -> Tensor:
        """With what copying is worth added to the logit of each token pointed at."""
        logits_TV = self._head(x_TD)
        if self._worth is not None and self._pointers is not None and pointed is not None:
            logits, worth_TP = as_array(logits_TV), as_array(self._worth(x_TD))
            for row, (tokens_P, worth_P) in enumerate(zip(self._pointers.named(pointed), worth_TP, strict=True)):
                for token, worth in zip(tokens_P, worth_P, strict=True):
                    if token < self.config.vocabulary_size:
                        logits[row, token] += worth
        return logits_TV


def stepped(model: LanguageModel) -> LanguageModel:
    """The same model, as it reads single tokens fastest."""
    if isinstance(model, Form) and model.norm.weight.device.type == "cpu" and model.norm.weight.dtype in NUMPY_TOO:
        return FormSteps(model)
    return model


class _Product:
    """``nn.Linear`` without the calls around it."""

    def __init__(self, layer: nn.Linear) -> None:
        self._weight, self._bias = layer.weight, layer.bias

    def __call__(self, x_TD: Tensor) -> Tensor:
        return linear(x_TD, self._weight, self._bias)


class _Normed:
    """``nn.LayerNorm``, likewise."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self._shape, self._weight, self._bias, self._eps = norm.normalized_shape, norm.weight, norm.bias, norm.eps

    def __call__(self, x_TD: Tensor) -> Tensor:
        return torch.layer_norm(x_TD, self._shape, self._weight, self._bias, self._eps)


class _Features:
    """``FeatureSum``."""

    def __init__(self, features: FeatureSum) -> None:
        self._table_RD, self._offsets_N = as_array(features.table.weight).copy(), as_array(features.offsets_N)
        self._table_RD[0] = 0  # says nothing, as there

    def summed(self, features_TN: Array) -> Array:
        """(T, D)."""
        return self._table_RD[np.where(features_TN < 0, 0, features_TN + self._offsets_N)].sum(axis=1)


class _Pointers:
    """What a token points at: its source, and what it recalls."""

    def __init__(self, model: Form) -> None:
        assert isinstance(model.pointed, PointedInput)
        self._config, self._input = model.config, model.pointed
        layout = layout_of(model.config.reaches, model.norm.weight.device)
        self._offset_O, self._pointer_O, self._named_P, self._near_N = map(as_array, layout)

    @cached_property
    def _told_NRD(self) -> Array:  # noqa: N802, its shape is part of its name
        """What each token tells at each near place: to look a few rows up is to read a fraction of the matrix.

        Made by the first step, since of many pieces that are read together each has steps of its own.
        """
        embedding_RW, mix_DE = self._input.embedding.weight.detach(), self._input.mix.weight.detach()
        return as_array(embedding_RW @ mix_DE.view(len(mix_DE), len(self._near_N), -1).permute(1, 2, 0))

    def source(self, source_T: Array, channels_TC: Array) -> tuple[Array, Array]:
        """Place and semitones (T, 1), as ``Form`` has them."""
        shift_T = channels_TC[:, self._config.shift_channel]
        return source_T[:, None], np.where(shift_T > 0, shift_T - self._config.shift_zero, 0)[:, None]

    def recall(self, ids_T: Array, channels_TC: Array, state: RecallState) -> tuple[Sequence[Array], RecallState]:
        """The columns of ``Recalled`` (T, V), and the state after the last token."""
        config = self._config
        pitch_T = ids_T - config.first_pitch
        pitch_T = np.where((pitch_T >= 0) & (pitch_T < NUM_PITCHES), pitch_T, -1)
        part_T = np.maximum(channels_TC[:, config.part_channel] - 1, 0)
        tokens_T4 = np.stack([ids_T, pitch_T, part_T, config.places(channels_TC)], axis=1).tolist()
        found, after = recall_one_by_one(tokens_T4, [as_array(tensor)[0] for tensor in state])
        return found, RecallState(*(as_tensor(array[None]) for array in after))

    def around(self, place_TP: Array, semitones_TP: Array, ids_S: Array) -> Array:
        """The tokens around all places (T, O), as ``Form`` has them."""
        S, nothing = len(ids_S), self._config.vocabulary_size
        place_TO = place_TP[:, self._pointer_O]
        places_TO = place_TO + self._offset_O
        now_T1 = np.arange(S - len(place_TP), S)[:, None]
        is_there_TO = (place_TO >= 0) & (places_TO >= 0) & (places_TO <= now_T1)
        tokens_TO = ids_S[np.clip(places_TO, 0, S - 1)].astype(np.int64)
        pitch_TO = tokens_TO - self._config.first_pitch
        moved_TO = np.clip(pitch_TO + semitones_TP[:, self._pointer_O], 0, NUM_PITCHES - 1) + self._config.first_pitch
        tokens_TO = np.where((pitch_TO >= 0) & (pitch_TO < NUM_PITCHES), moved_TO, tokens_TO)
        return np.where(is_there_TO, tokens_TO, nothing)

    def told(self, tokens_TO: Array) -> Array:
        """What the nearest of them tell at the input (T, D)."""
        return self._told_NRD[np.arange(len(self._near_N)), tokens_TO[:, self._near_N]].sum(axis=1)

    def named(self, tokens_TO: Array) -> Array:
        """Those pointed at themselves (T, P)."""
        return tokens_TO[:, self._named_P]


class _ScaledTurns(NamedTuple):
    """``Turns`` of queries, which they also scale by 1 / sqrt(K), and of keys."""

    cos_T21K: Array
    sin_T21K: Array

    @classmethod
    def of(cls, by: Turns) -> _ScaledTurns:
        """Of the same positions."""
        scales_21 = np.array([[by.cos_TK.shape[-1] ** -0.5], [1.0]], dtype=as_array(by.cos_TK).dtype)
        return cls(*(as_array(turn_TK)[:, None, None] * scales_21[:, None] for turn_TK in by))


class _LayerStep:
    """``Layer``, with turned queries and keys."""

    def __init__(self, layer: nn.Module, num_heads: int) -> None:
        assert isinstance(layer, Layer)
        attention, feedforward = layer.attention, layer.feedforward
        self._num_heads, self._horizon, self._every = num_heads, attention.horizon, attention.joined_every
        self._attention_norm, self._ask = _Normed(layer.attention_norm), _Product(attention.project_in)
        self._tell = _Product(attention.project_out)
        self._feedforward_norm = _Normed(layer.feedforward_norm)
        self._widen, self._narrow = _Product(feedforward.widen), _Product(feedforward.narrow)

    def read(self, x_TD: Tensor, cache: LongCache, start: int, by: _ScaledTurns) -> tuple[Tensor, LongCache]:
        """What becomes of the states (T, D), and the cache."""
        T, stop = len(x_TD), start + len(x_TD)
        asked_T3HK = as_array(self._ask(self._attention_norm(x_TD))).reshape(T, 3, self._num_heads, -1)
        both_T2HK, half = asked_T3HK[:, :2], asked_T3HK.shape[-1] // 2
        swapped_T2HK = np.concatenate([both_T2HK[..., half:], both_T2HK[..., :half]], axis=-1)
        both_T2HK = both_T2HK * by.cos_T21K + swapped_T2HK * by.sin_T21K
        q_HTK, new = both_T2HK[:, 0].swapaxes(0, 1), (both_T2HK[:, 1].swapaxes(0, 1), asked_T3HK[:, 2].swapaxes(0, 1))
        recent = [np.concatenate([as_array(old)[0], own], axis=1) for old, own in zip(cache.recent, new, strict=True)]
        cache = LongCache(cache.old, KVCache(*(as_tensor(piece[None]) for piece in recent)))
        x_TD = x_TD + self._tell(self._heard(as_tensor(q_HTK), cache, start))
        x_TD = x_TD + self._narrow(gelu(self._widen(self._feedforward_norm(x_TD))))
        unheard = max(0, self._horizon.first_heard(stop) - (stop - cache.length))
        if not stays_recent(start, stop, self._every):
            remembered = cache.joined()
            return x_TD, LongCache.of(remembered.last(remembered.length - unheard), stop, self._every)
        if unheard <= cache.old.length:  # a view: it is too soon forgotten to be copied
            return x_TD, cache._replace(old=KVCache(*(piece[:, :, unheard:] for piece in cache.old)))
        return x_TD, cache.last(cache.length - unheard)

    def _heard(self, q_HTK: Tensor, cache: LongCache, start: int) -> Tensor:
        """What queries, which are scaled, hear of the cache (T, D), whose last positions are their own."""
        T, S, num_old = q_HTK.shape[1], cache.length, cache.old.length
        (old_keys, old_values), (keys, values) = ((part[0] for part in piece) for piece in cache)
        logits_HTS = torch.cat([torch.bmm(q_HTK, old_keys.mT), torch.bmm(q_HTK, keys.mT)], dim=-1)
        if T > 1:
            logits, first = as_array(logits_HTS), start + T - S
            for row in range(T):
                logits[:, row, S - T + row + 1 :] = -np.inf
                logits[:, row, : max(0, self._horizon.first_heard(start + row) - first)] = -np.inf
        weights_HTS = logits_HTS.softmax(dim=-1)
        heard_HTK = torch.bmm(weights_HTS[..., :num_old], old_values).baddbmm_(weights_HTS[..., num_old:], values)
        return heard_HTK.transpose(0, 1).reshape(T, -1)


class _SectionStep:
    """``SectionMemory``, for tokens of the section of the last one."""

    def __init__(self, memory: SectionMemory) -> None:
        self._num_heads, self._scale = memory.num_heads, memory.head_width**-0.5
        self._write_norm, self._read_norm = _Normed(memory.write_norm), _Normed(memory.read_norm)
        self._written, self._query = _Product(memory.project_written), _Product(memory.project_query)
        self._tell, self._question_QHK = _Product(memory.project_out), as_array(memory.question_QHK)

    def read(self, x_TD: Tensor, state: SectionState) -> tuple[Tensor, SectionState]:
        """States with what they hear of the sections before (T, D), and the state after the last."""
        return self._with_heard(x_TD, state), state._replace(sums=self._summed(x_TD, state.sums))

    def _summed(self, x_TD: Tensor, before: SectionSums) -> SectionSums:
        highest_QH, weight_QH, value_QHK = (as_array(tensor)[0, 0] for tensor in before)
        written = as_array(self._written(self._write_norm(x_TD))).reshape(len(x_TD), 2, 1, self._num_heads, -1)
        keys_T1HK, values_T1HK = written[:, 0], written[:, 1]
        logits_TQH = ((keys_T1HK * self._question_QHK).sum(axis=-1) * self._scale).astype(highest_QH.dtype)
        new_QH = np.maximum(highest_QH, logits_TQH.max(axis=0))
        fading_QH, share_TQH = np.exp(highest_QH - new_QH), np.exp(logits_TQH - new_QH)
        weight_QH = weight_QH * fading_QH + share_TQH.sum(axis=0)
        value_QHK = value_QHK * fading_QH[..., None] + (share_TQH[..., None] * values_T1HK).sum(axis=0)
        return SectionSums(*(as_tensor(array[None, None]) for array in (new_QH, weight_QH, value_QHK)))

    def _with_heard(self, x_TD: Tensor, state: SectionState) -> Tensor:
        number, num_questions, T = int(state.section_B), len(self._question_QHK), len(x_TD)
        is_there_A = as_array(state.is_there_BN)[0, :number].repeat(num_questions)
        if not is_there_A.any():
            return x_TD
        keys_HAK, values_HAK = (part[0, :, : len(is_there_A)] for part in (state.keys_BHAK, state.values_BHAK))
        q_HTK = self._query(self._read_norm(x_TD)).view(T, self._num_heads, -1).transpose(0, 1)
        logits_HTA = as_array(torch.bmm(q_HTK, keys_HAK.mT)) * self._scale
        logits_HTA[..., ~is_there_A] = -np.inf
        weights_HTA = _softmax_beside_nothing(logits_HTA)
        heard_HTK = torch.bmm(as_tensor(weights_HTA), values_HAK)
        return x_TD + self._tell(heard_HTK.transpose(0, 1).reshape(T, -1))


class _SourceStep:
    """``PointedAttention``."""

    def __init__(self, source: PointedAttention) -> None:
        self._num_heads, self._nothing = source.num_heads, source.nothing
        self._norm, self._query, self._tell = (
            _Normed(source.norm),
            _Product(source.project_query),
            _Product(source.project_out),
        )
        self._content_RE, self._bias_HO = as_array(source.content.weight), as_array(source.offset_bias_HO)

    def heard(self, x_TD: Tensor, tokens_TO: Array) -> Tensor:
        """What every token hears (T, D)."""
        T = len(tokens_TO)
        content_TO2HK = self._content_RE[tokens_TO].reshape(*tokens_TO.shape, 2, self._num_heads, -1)
        q_T1HK = as_array(self._query(self._norm(x_TD))).reshape(T, 1, self._num_heads, -1)
        logits_TOH = (content_TO2HK[:, :, 0] * q_T1HK).sum(axis=-1) * q_T1HK.shape[-1] ** -0.5 + self._bias_HO.T
        logits_TOH[tokens_TO == self._nothing] = -np.inf
        weights_THO = _softmax_beside_nothing(logits_TOH.swapaxes(1, 2))
        heard_THK = (weights_THO.swapaxes(1, 2)[..., None] * content_TO2HK[:, :, 1]).sum(axis=1)
        return self._tell(as_tensor(heard_THK.reshape(T, -1)))


def _softmax_beside_nothing(logits: Array) -> Array:
    """Over the last axis, beside one more logit of 0 that is left out."""
    highest = np.maximum(logits.max(axis=-1, keepdims=True), 0)
    shares = np.exp(logits - highest)
    return shares / (shares.sum(axis=-1, keepdims=True) + np.exp(-highest))
