"""Headers. Transactions: end and check-back."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int, Long
from rocketmq_ops.remoting.headers.base import CustomHeader, RpcRequestHeader, of_request


@of_request(RequestCode.END_TRANSACTION)
class EndTransactionRequestHeader(RpcRequestHeader, kw_only=True):
    """Request END_TRANSACTION (37)."""

    topic: str | None = None
    producer_group: str
    tran_state_table_offset: Long
    commit_log_offset: Long
    commit_or_rollback: Int
    from_transaction_check: Bool | None = False
    msg_id: str
    transaction_id: str | None = None


class EndTransactionResponseHeader(CustomHeader, kw_only=True):
    """Answer to EndTransaction."""


@of_request(RequestCode.CHECK_TRANSACTION_STATE)
class CheckTransactionStateRequestHeader(RpcRequestHeader, kw_only=True):
    """Request CHECK_TRANSACTION_STATE (39)."""

    topic: str | None = None
    tran_state_table_offset: Long
    commit_log_offset: Long
    msg_id: str | None = None
    transaction_id: str | None = None
    offset_msg_id: str | None = None


class CheckTransactionStateResponseHeader(CustomHeader, kw_only=True):
    """Answer to CheckTransactionState."""

    producer_group: str
    tran_state_table_offset: Long
    commit_log_offset: Long
    commit_or_rollback: Int


@of_request(RequestCode.RESUME_CHECK_HALF_MESSAGE)
class ResumeCheckHalfMessageRequestHeader(CustomHeader, kw_only=True):
    """Request RESUME_CHECK_HALF_MESSAGE (323)."""

    topic: str | None = None
    msg_id: str | None = None
