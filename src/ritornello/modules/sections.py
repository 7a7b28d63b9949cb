"""Section memory: each section of a piece compressed into a few vectors, which later sections hear.

Every section is asked Q learned questions by cross-attention over its own tokens; the Q answers are all that later
sections hear of it in this way. The softmax over a section's tokens is kept as running sums, so nothing of its tokens
has to be remembered, and a piece may be read in any chunks. Keys and values of the answers are made once, when the
section is over: a token costs nothing but its own questions and the answers that it hears, Q of each section before.

**Source**: ours, after the compressed memory of Compressive Transformer (arXiv 1911.05507) and the latent bottleneck
of Perceiver (arXiv 2103.03206), with sections in place of blocks of fixed length.

Shapes: B batch, T new tokens, N sections, Q questions of a section, A answers (Q of each section, in order), D width,
H heads, K head width, S tokens so far.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ritornello.modules.ears import Attended, Ear, heard_of_the_last

MAX_SECTIONS = 65
"""Numbers 0 (before the first section, or no plan) to 64."""
_NEVER = -1e30


class SectionSums(NamedTuple):
    """What has been heard of sections, as running sums of the softmax of every question."""

    highest_BNQH: Tensor
    """The largest logit so far."""
    weight_BNQH: Tensor
    """Sum of exp(logit - highest)."""
    value_BNQHK: Tensor
    """The same sum, of the values."""


class SectionState(NamedTuple):
    """What is remembered of all sections; of one size however long the piece is."""

    section_B: Tensor
    """Number of the section of the last token (int64)."""
    sums: SectionSums
    """Of that section alone (N = 1)."""
    is_there_BN: Tensor
    """Which sections are over and had tokens."""
    keys_BHAK: Tensor
    """Of the answers of those; of all others anything."""
    values_BHAK: Tensor


class SectionMemory(nn.Module):
    """Compresses sections, and lets tokens hear the sections before their own."""

    def __init__(self, width: int, num_heads: int, num_questions: int) -> None:
        super().__init__()
        self.num_heads, self.num_questions, self.head_width = num_heads, num_questions, width // num_heads
        self.write_norm, self.read_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.question_QHK = nn.Parameter(torch.randn(num_questions, num_heads, self.head_width))
        self.project_written = nn.Linear(width, 2 * width, bias=False)
        self.summary_norm = nn.LayerNorm(width)
        self.project_summary = nn.Linear(width, 2 * width, bias=False)
        self.project_query = nn.Linear(width, width, bias=False)
        self.project_out = nn.Linear(width, width, bias=False)

    @staticmethod
    def num_parameters(width: int, num_questions: int) -> int:
        """Exactly."""
        return 6 * width * width + (6 + num_questions) * width

    @staticmethod
    def token_multiplications(width: int, num_questions: int, section: int) -> int:
        """In the matrix products of a token in the section of this number.

        Its key, value, query and output; its logits of the questions of its own section; its logits and the weighted
        values of the answers of all sections before.
        """
        return 4 * width * width + (1 + 2 * min(section, MAX_SECTIONS - 1)) * num_questions * width

    @staticmethod
    def section_multiplications(width: int, num_questions: int) -> int:
        """In the matrix products of a section that is over: keys and values of its answers."""
        return 2 * width * width * num_questions

    def nothing_heard(self, batch_size: int, like: Tensor) -> SectionState:
        """The state before the first token."""
        B, Q, H, K = batch_size, self.num_questions, self.num_heads, self.head_width
        sums = like.new_zeros(B, 1, Q, H, dtype=torch.promote_types(like.dtype, torch.float32))
        answers = like.new_zeros(B, H, (MAX_SECTIONS - 1) * Q, K)
        return SectionState(
            torch.zeros(B, dtype=torch.int64, device=like.device),
            SectionSums(torch.full_like(sums, _NEVER), sums, sums.new_zeros(B, 1, Q, H, K)),
            torch.zeros(B, MAX_SECTIONS - 1, dtype=torch.bool, device=like.device),
            answers,
            answers,
        )

    def state_bytes(self, batch_size: int, like: Tensor) -> int:
        """Bytes of the state: sums in float32 at least, keys and values in the dtype of ``like``."""
        Q, H, D = self.num_questions, self.num_heads, self.num_heads * self.head_width
        own = max(4, like.element_size()) * Q * (2 * H + D)
        return batch_size * (8 + own + (MAX_SECTIONS - 1) * (1 + 2 * Q * D * like.element_size()))

    def forward(self, x_BTD: Tensor, section_BT: Tensor, state: SectionState) -> tuple[Tensor, SectionState]:
        """What every token hears of the sections before its own (B, T, D), and the state after the last.

        Args:
            x_BTD: states of the tokens.
            section_BT: the number of the section that each is in. A number that falls counts as the one before it,
                and one above 64 as 64.
            state: after all tokens before.
        """
        section_BT = self.sections(section_BT, state)
        state = self._read_on(x_BTD, section_BT, state)
        weights_BHTA = self._weights(x_BTD, section_BT, state)
        values_BHAK = state.values_BHAK[:, :, : weights_BHTA.shape[-1]]
        heard_BHTK = weights_BHTA.to(values_BHAK.dtype) @ values_BHAK
        return self.project_out(heard_BHTK.transpose(1, 2).flatten(2)), state

    def weights(self, x_BTD: Tensor, section_BT: Tensor, state: SectionState, asked_N: Tensor) -> Tensor:
        """How much those of the T tokens that are named hear of each answer (B, H, N, A): 1 less what hears nothing."""
        section_BT = self.sections(section_BT, state)
        state = self._read_on(x_BTD, section_BT, state)
        return self._weights(x_BTD[:, asked_N], section_BT[:, asked_N], state)

    def sections(self, section_BT: Tensor, state: SectionState) -> Tensor:
        """The same numbers, never falling."""
        risen_BT = section_BT.clamp(max=MAX_SECTIONS - 1).cummax(dim=1).values
        return torch.maximum(risen_BT, state.section_B[:, None])

    def asked(self, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the questions (B, T, Q, H) and values (B, T, H, K) of every token, in float32 at least."""
        written = self.project_written(self.write_norm(x_BTD))
        keys, values = written.view(*x_BTD.shape[:2], 2, self.num_heads, -1).unbind(dim=2)
        logits = torch.einsum("bthk,qhk->btqh", keys, self.question_QHK) * self.head_width**-0.5
        wide = torch.promote_types(written.dtype, torch.float32)  # sums over a whole section
        return logits.to(wide), values.to(wide)

    def ear(self, name: str) -> Ear:
        """What tells of each token how much it hears of others; for one piece.

        What is heard of an answer is spread over its section's tokens by the answer's own weights, the mean of which
        over the heads is taken: the keys and values of an answer are made of all its heads.
        """
        logits_so_far, sections_so_far = list[Tensor](), list[Tensor]()

        def read(asked_A: Tensor, x_BTD: Tensor, section_BT: Tensor, state: SectionState) -> Iterator[Attended]:
            logits_so_far.append(self.asked(x_BTD)[0][0])
            sections_so_far.append(self.sections(section_BT, state)[0])
            section_S = torch.cat(sections_so_far)
            shares_SQ = _shares(torch.cat(logits_so_far), section_S).mean(dim=-1).to(x_BTD.dtype)

            def weights(asked_N: Tensor) -> Tensor:
                answers_BHNA = self.weights(x_BTD, section_BT, state, asked_N)
                return _spread(answers_BHNA, section_S, shares_SQ)

            yield from heard_of_the_last(asked_A, len(section_S) - x_BTD.shape[1], len(section_S), weights)

        return Ear(name, self, read)

    def _read_on(self, x_BTD: Tensor, section_BT: Tensor, state: SectionState) -> SectionState:
        """The state after the new tokens."""
        first, last = int(state.section_B.min()), int(section_BT.max())
        if first == last:
            return state._replace(sums=self._summed_on(x_BTD, state.sums))
        sums = self._summed(x_BTD, section_BT, state, first, last)
        state = self._finished(sums, section_BT[:, -1], state, first, last)
        place_B, row_B = section_BT[:, -1] - first, torch.arange(len(x_BTD), device=x_BTD.device)
        sums = SectionSums(*(tensor[row_B, place_B, None] for tensor in sums))
        return state._replace(section_B=section_BT[:, -1], sums=sums)

    def _summed_on(self, x_BTD: Tensor, before: SectionSums) -> SectionSums:
        """The sums of the one section in which all are, and were."""
        logits_BTQH, values_BTHK = self.asked(x_BTD)
        highest = torch.maximum(before.highest_BNQH, logits_BTQH.detach().amax(dim=1, keepdim=True))
        fading, share_BTQH = (before.highest_BNQH - highest).exp(), (logits_BTQH - highest).exp()
        weight = before.weight_BNQH * fading + share_BTQH.sum(dim=1, keepdim=True)
        added = (share_BTQH[..., None] * values_BTHK[:, :, None]).sum(dim=1, keepdim=True)
        return SectionSums(highest, weight, before.value_BNQHK * fading[..., None] + added)

    def _summed(self, x_BTD: Tensor, section_BT: Tensor, state: SectionState, first: int, last: int) -> SectionSums:
        """The sums of all sections from ``first`` to ``last``."""
        logits_BTQH, values_BTHK = self.asked(x_BTD)
        index_BTQH = (section_BT - first)[..., None, None].expand(logits_BTQH.shape)
        numbers_N = torch.arange(first, last + 1, device=x_BTD.device)
        is_own_BN11 = (numbers_N == state.section_B[:, None])[..., None, None]
        before = SectionSums(
            torch.where(is_own_BN11, state.sums.highest_BNQH, _NEVER),
            torch.where(is_own_BN11, state.sums.weight_BNQH, 0),
            torch.where(is_own_BN11[..., None], state.sums.value_BNQHK, 0),
        )
        highest = before.highest_BNQH.scatter_reduce(1, index_BTQH, logits_BTQH.detach(), "amax")
        fading = (before.highest_BNQH - highest).exp()
        share_BTQH = (logits_BTQH - highest.gather(1, index_BTQH)).exp()
        weight = (before.weight_BNQH * fading).scatter_add(1, index_BTQH, share_BTQH)
        added_BTQHK = share_BTQH[..., None] * values_BTHK[:, :, None]
        index_BTQHK = index_BTQH[..., None].expand(added_BTQHK.shape)
        value = (before.value_BNQHK * fading[..., None]).scatter_add(1, index_BTQHK, added_BTQHK)
        return SectionSums(highest, weight, value)

    def _finished(self, sums: SectionSums, now_B: Tensor, state: SectionState, first: int, last: int) -> SectionState:
        """The state with the sections in which each row no longer is, among those from ``first`` to ``last``."""
        numbers_N = torch.arange(first, last, device=now_B.device)
        is_over_BN = (numbers_N >= state.section_B[:, None]) & (numbers_N < now_B[:, None])
        weight_BNQH = sums.weight_BNQH[:, :-1]
        answers = sums.value_BNQHK[:, :-1] / weight_BNQH.clamp(min=1e-20)[..., None]
        projected = self.project_summary(self.summary_norm(answers.flatten(3).flatten(1, 2)))
        keys, values = projected.unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        is_over_B1A1 = is_over_BN.repeat_interleave(self.num_questions, dim=1)[:, None, :, None]
        start, stop = first * self.num_questions, last * self.num_questions
        return state._replace(
            is_there_BN=_replaced(state.is_there_BN, weight_BNQH[..., 0, 0] > 0, is_over_BN, first, last, dim=1),
            keys_BHAK=_replaced(state.keys_BHAK, keys, is_over_B1A1, start, stop, dim=2),
            values_BHAK=_replaced(state.values_BHAK, values, is_over_B1A1, start, stop, dim=2),
        )

    def _weights(self, x_BTD: Tensor, section_BT: Tensor, state: SectionState) -> Tensor:
        """Weights (B, H, T, A) over the answers of the sections before the last that any of these tokens is in."""
        num_sections = int(section_BT.max())
        numbers_N = torch.arange(num_sections, device=x_BTD.device)
        heard_BTN = (numbers_N < section_BT[..., None]) & state.is_there_BN[:, None, :num_sections]
        heard_BTA = heard_BTN.repeat_interleave(self.num_questions, dim=-1)
        keys_BHAK = state.keys_BHAK[:, :, : heard_BTA.shape[-1]]
        queries = self.project_query(self.read_norm(x_BTD)).unflatten(-1, (self.num_heads, -1))
        logits_BHTA = queries.transpose(1, 2) @ keys_BHAK.mT * self.head_width**-0.5
        logits_BHTA = logits_BHTA.masked_fill(~heard_BTA[:, None], float("-inf"))
        nothing = logits_BHTA.new_zeros(*logits_BHTA.shape[:-1], 1)
        return torch.cat([nothing, logits_BHTA], dim=-1).softmax(dim=-1)[..., 1:]


def _replaced(old: Tensor, new: Tensor, is_new: Tensor, start: int, stop: int, dim: int) -> Tensor:
    """``old`` with what is new between ``start`` and ``stop``."""
    sizes = [start, stop - start, old.shape[dim] - stop]
    before, between, after = old.split_with_sizes(sizes, dim=dim)
    return torch.cat([before, torch.where(is_new, new.to(old.dtype), between), after], dim=dim)


def _shares(logits_SQH: Tensor, section_S: Tensor) -> Tensor:
    """The softmax (S, Q, H) over the tokens of each section, all by itself."""
    index_SQH = section_S[:, None, None].expand(logits_SQH.shape)
    sums = logits_SQH.new_full((MAX_SECTIONS, *logits_SQH.shape[1:]), float("-inf"))
    highest = sums.scatter_reduce(0, index_SQH, logits_SQH, "amax").gather(0, index_SQH)
    share_SQH = (logits_SQH - highest).exp()
    return share_SQH / torch.zeros_like(sums).scatter_add(0, index_SQH, share_SQH).gather(0, index_SQH)


def _spread(weights_BHNA: Tensor, section_S: Tensor, shares_SQ: Tensor) -> Tensor:
    """Weights (B, H, N, S) over tokens, of those over answers; sections that have none here are not heard."""
    num_questions, num_answers = shares_SQ.shape[1], weights_BHNA.shape[-1]
    padded = nn.functional.pad(weights_BHNA, (0, num_questions))
    first_S = (section_S * num_questions).clamp(max=num_answers)
    each = [padded[..., first_S + question] * shares_SQ[:, question] for question in range(num_questions)]
    return torch.stack(each).sum(dim=0)
