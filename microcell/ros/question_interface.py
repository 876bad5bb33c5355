"""The cell's questions to its operator in ROS, and what a person tells it: devices out of service, parts to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from microcell.errors import MicrocellError
from microcell.orchestration.controller import Controller
from microcell.orchestration.questions import Question
from microcell.ros import names
from microcell.ros.bounded import bounded
from microcell.ros.convert_skills import fault_message, stamp
from microcell.ros.kept import KeptStates
from microcell.ros.runtime import RosRuntime
from microcell_interfaces.msg import OperatorQuestion
from microcell_interfaces.srv import AnnounceDelivery, AnswerQuestion, ListQuestions, SetDeviceService

KEPT_QUESTIONS = 100


class QuestionInterface:
    """A part of `CellInterface`.

    Topics:   questions (OperatorQuestion), latched: each question when it is asked and settled; open ones are kept
    Services: list_questions, answer_question, set_device_service, announce_delivery
    """

    def __init__(self, runtime: RosRuntime, node: Node) -> None:
        self._runtime = runtime
        self._node = node
        self._topic = KeptStates(node, OperatorQuestion, names.QUESTIONS, KEPT_QUESTIONS)
        self._shown: dict[str, Question] = {}

    def serve(self, controller: Controller) -> None:
        """Show a controller's questions."""
        self._controller = controller

    def offer(self) -> None:
        """Offer the services from now on."""
        services: tuple[tuple[Any, str, Any], ...] = (
            (ListQuestions, names.LIST_QUESTIONS, self._list),
            (AnswerQuestion, names.ANSWER_QUESTION, self._answer),
            (SetDeviceService, names.SET_DEVICE_SERVICE, self._set_device_service),
            (AnnounceDelivery, names.ANNOUNCE_DELIVERY, self._announce_delivery),
        )
        for kind, name, handler in services:
            self._runtime.create_service(self._node, kind, name, bounded(handler))

    def show(self) -> None:
        """Publish what differs from what was published last."""
        every = {question.question: question for question in self._controller.shop.questions.every()}
        for number, question in every.items():
            if self._shown.get(number) != question:
                self._topic.publish(number, self._message(question), last=not question.open)
        self._shown = every

    async def _list(self, request: Any, response: Any) -> Any:
        every = self._controller.shop.questions.every()
        response.questions = [self._message(q) for q in every if q.open or request.include_answered]
        return response

    async def _answer(self, request: Any, response: Any) -> Any:
        def answer() -> str:
            self._controller.service.answer(request.id, request.choice, request.by)
            return f"{request.id} is answered: {request.choice}"

        return _answered(response, answer)

    async def _set_device_service(self, request: Any, response: Any) -> Any:
        service = self._controller.service
        return _answered(response, lambda: service.set_service(request.device, request.in_service, request.reason))

    async def _announce_delivery(self, request: Any, response: Any) -> Any:
        service = self._controller.service
        return _answered(response, lambda: service.announce(request.part, request.quantity, request.reference))

    def _message(self, question: Question) -> OperatorQuestion:
        epoch_s = self._runtime.clock.epoch_s
        return OperatorQuestion(
            id=question.question,
            stamp=stamp(epoch_s + question.asked_s),
            open=question.open,
            unit=question.unit,
            operation=question.operation,
            fault=fault_message(question.fault, epoch_s),
            text=question.text,
            choices=list(question.choices),
            consequences=list(question.consequences),
            default_choice=question.default,
            deadline=stamp(None if question.deadline_s is None else epoch_s + question.deadline_s),
            answer=question.choice,
            answered_by=question.by,
        )


def _answered(response: Any, work: Callable[[], str]) -> Any:
    """Fill `accepted` and `message` from what some work returns or raises."""
    try:
        response.message, response.accepted = work(), True
    except MicrocellError as error:
        response.message, response.accepted = str(error), False
    return response
