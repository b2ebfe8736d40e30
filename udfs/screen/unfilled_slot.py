"""Blanks that nobody filled in."""

import re

from udfs.screen.subject import Subject
from udfs.screen.wording import one_of

_BRACES = re.compile(r"(?<!\$)\{\{ ?[a-z][a-z0-9_ ]{0,30}? ?\}\}")
_INSERT = re.compile(
    r"[\[<(]\s*(?:please )?(?:insert |(?:enter|fill in|add|put|type) (?:your |here))[^\]\[<>\n()]{0,40}[\]>)]"
)
_OWNER = one_of("your, my, his, her, their, the")
_KIND = one_of(
    "full, first, last, best, company, school, college, university, job, street, email, phone, friend'?s?, "
    "institution, business, product, project, position, team, manager'?s?, recipient'?s?, sender'?s?, user'?s?"
)
_SLOT = one_of(
    "name, city, country, date, address, email, phone number, number, title, company, school, university, topic, "
    "location, friend, place, state, town, sport, recipient, age, year, hobby, job, position, subject"
)
_OPEN_SLOT = re.compile(rf"(?<![\w\])])\[(?:{_OWNER} )?(?:{_KIND} )?{_SLOT}s?\]")
_TEMPLATE_WORDS = one_of(
    "jinja2?, templates?, templating, handlebars, mustache, django, angular, vue, ansible, helm, github, "
    "workflow, yaml, html, liquid, latex, curly, braces?, brackets?, placeholders?, blanks?, format, "
    "mad ?libs?, f-strings?"
)
_ASKS_FOR_TEMPLATE = re.compile(rf"\b{_TEMPLATE_WORDS}\b")
# In a letter or a form the open slot is where the reader signs; a learner should see it there.
_LETTER_WORDS = one_of(
    "e-?mails?, letters?, forms?, cards?, invitations?, messages?, memos?, note, resumes?, cv, contract, "
    "agreement, draft, statement of purpose, announcement, press release, invoice, script, speech, toast, reply, "
    "respond, response, complaint, notice, receipt, certificate, advert\\w*, ad, post, tweet, blog, "
    "review, proposal, thank, text (?:to|message), dialogues?, conversations?, interviews?, greet\\w*, welcome, "
    "introduce (?:yourself|myself), how (?:do|would|should|can) (?:you|i|we) (?:say|ask|reply|greet), phone call"
)
_ASKS_FOR_LETTER = re.compile(rf"\b{_LETTER_WORDS}\b")
_LETTER_OPENING = re.compile(
    r"\s*(?:\w{1,20}: ?)?(?:(?:dear|subject|to whom)\b"
    r"|(?:hi|hello|hey|greetings|good (?:morning|afternoon|evening))\b[^.!?\n]{0,40}[,!:]? ?\n)"
)
_SIGN_OFF = re.compile(r"\b(?:regards|sincerely|yours|best wishes|love|thanks|cheers|best),?\s*\n")


def unfilled_slot(subject: Subject) -> str | None:
    """A blank that nobody filled in: `{{name}}`, `[insert city]`, or `[Your Name]` outside letters and forms."""
    text = subject.folded
    if "{{" in text:
        braces = _BRACES.search(subject.folded_prose)
        if braces and not _ASKS_FOR_TEMPLATE.search(subject.folded_prompt):
            return braces.group()
    if "[" not in text and "<" not in text and "(" not in text:
        return None
    slot = _INSERT.search(subject.folded_prose)
    if slot is None and subject.is_response and "[" in text:
        slot = _OPEN_SLOT.search(subject.folded_prose)
    if slot is None or _ASKS_FOR_TEMPLATE.search(subject.folded_prompt):
        return None
    if subject.is_response and (
        _ASKS_FOR_LETTER.search(subject.folded_prompt) or _LETTER_OPENING.match(text) or _SIGN_OFF.search(text)
    ):
        return None
    return slot.group()
