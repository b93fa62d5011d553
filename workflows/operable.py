"""The messages of operations to an order; the workflow of an order inherits them."""

from temporalio import workflow

from activities.models import Decision
from workflows import contract
from workflows.contract import Operated, OrderHold, OrderRelease, Repeat, StepSkip
from workflows.operations_desk import OperationsDesk
from workflows.repeating import Repeater, refuse_while_repeating
from workflows.state import OrderProgress


class Operable:
    """What operations can do to a running order: hold, release, skip a step, renew, repeat."""

    _operations: OperationsDesk
    _progress: OrderProgress
    _repeater: Repeater

    def _file(self, decision: Decision) -> None:
        """Takes an answer to one of the order's tasks."""
        raise NotImplementedError

    @workflow.update(name=contract.HOLD_ORDER, description="Operations hold the order")
    async def hold_order(self, wished: OrderHold) -> Operated:
        """Stops the order and its windows at once; the reason is in its story."""
        return self._operations.hold(wished)

    @hold_order.validator
    def check_hold(self, wished: OrderHold) -> None:
        """Refuses what is held already, and everybody but operations."""
        refuse_while_repeating(self._progress, wished.request_id)
        self._operations.check_hold(wished)

    @workflow.update(name=contract.RELEASE_ORDER, description="Operations release a held order")
    async def release_order(self, wished: OrderRelease) -> Operated:
        """Lets the order go on with what remained of its windows."""
        return self._operations.release(wished)

    @release_order.validator
    def check_release(self, wished: OrderRelease) -> None:
        """Refuses what is not held, and everybody but operations."""
        refuse_while_repeating(self._progress, wished.request_id)
        self._operations.check_release(wished)

    @workflow.update(name=contract.SKIP_STEP, description="A step is skipped with four eyes")
    async def skip_step(self, wished: StepSkip) -> Operated:
        """Keeps the first key's wish; the second key answers in the place of the step's roles."""
        return self._skip(wished)

    @skip_step.validator
    def check_skip(self, wished: StepSkip) -> None:
        """Refuses steps that move goods, other steps than the present one, and two equal eyes."""
        refuse_while_repeating(self._progress, wished.request_id)
        self._operations.check_skip(wished)

    def _skip(self, wished: StepSkip) -> Operated:
        operated, decisions = self._operations.skip(wished)
        for decision in decisions:
            self._file(decision)
        return operated

    def _skip_again(self, wished: StepSkip) -> None:
        self._operations.check_skip(wished)
        self._skip(wished)

    @workflow.signal(name=contract.RENEW, description="The order shall go on in a fresh run")
    def renew(self) -> None:
        """Hands the order to a fresh run, on the newest version, once nothing is half done."""
        self._progress.renew = True

    @workflow.signal(name=contract.REPEAT, description="Operations have reset the order")
    def repeat(self, repeat: Repeat) -> None:
        """Applies the messages of an earlier run again, in their order and with their instants."""
        self._repeater.begin(repeat)
