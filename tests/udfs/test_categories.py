"""Which category a pair belongs to, and how the rules may be written."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigError
from schemas.records import CATEGORIES
from udfs.categories import categorise, load_category_rules, mapped_category

RULES = load_category_rules()

EXAMPLES = {
    "code": [
        "Write a Python function that reverses a string.",
        "Fix this code.\n\n```\nfor i in range(3) print(i)\n```",
        "How do I select all rows of a table in SQL?",
        "def add(a, b):\n    '''Add two numbers.'''",
        "Create a regular expression that matches phone numbers.",
        "用Python写一个函数，计算两个数的和。",
        "请编写一段 Python 代码来计算并输出前100个质数。",
        "写一个SQL语句，查询所有年龄大于30岁的用户。",
        "设计一个算法，把数组反转。",
        "What are the main differences between Python and Java?",
        "Explain this.\n\nTypeError: x.map is not a function",
        "Prepare a simple implementation of a cache using plain TypeScript.",
        "How do I write a cron job?",
        "Schreibe eine Python-Funktion, die eine Liste sortiert.",
        "Escribe una función en Python que ordene una lista.",
        "リストを並べ替えるPythonの関数を書いてください。",
        "Using C#, build a game of noughts and crosses.",
        "How do I fill a table in PyQt6?",
        "What do you think of this arduino code?",
        "obfuscate this for me\n\nfunction Start-Thing\n{\n  $x = $null\n}",
        "What does this do?\n\nint total = 0;\nfloat mean(int n) {",
        "Draw the logo as an SVG.",
        "How do I install git lfs on ubuntu?",
        "I have a data frame in R. How do I drop a column?",
        "将 html 文档中的标签补全。",
        "设计一个数据结构来存储字典。",
    ],
    "reasoning": [
        "Tom has 3 apples and buys 4 more. How many apples does he have?",
        "Solve for x: 2x + 3 = 11",
        r"Find $\frac{1}{2} + \frac{1}{3}$.",
        "What is the probability of rolling two sixes?",
        "Is a whale a fish?\nOptions:\n- yes\n- no\nLet's think step by step.",
        "What has keys but no locks? It is an old riddle.",
        "Claim: whales are fish.\nIs the claim above true?",
        "What is 12 * 7?",
        "证明根号二是无理数。",
        "如果有5个苹果和3个梨子，总共有多少个水果？",
        "求下列数列的下一个数：2, 4, 8, 16",
        "这是一个逻辑谜题：三个人中谁在说谎？",
        "Convert 45 kilograms to pounds.",
        "Sort the following numbers.\n\n5, 18, 3, 11",
        "Walk me through 94962x4694.",
        "Could you work out 29308 plus 52341 for me?",
        "What is the length of the segment from (2, -2) to (10, 4)?",
        "Ein Zug fährt 120 km in 2 Stunden. Wie schnell fährt er?",
        "У Маши 12 яблок, она отдала 5. Сколько осталось?",
        "Which digit comes next in the sequence 2 4 6?",
        "Are these numbers even or odd?\n\n1, 2, 3",
        "Which word does not belong to the others?\n\nInch, Kilogram, Yard",
        "John is taller than Mark, and Mark is taller than Susan. Who is the tallest?",
        "What is the volume of a cube with sides of 4 cm?",
        "Convert the number 10 from decimal to binary.",
        "将85华氏度转换为摄氏度。",
        "猜谜语：打一字",
        "甲说乙在说谎，乙说丙在说谎，请问谁说真话？",
        "学校第一天植树30棵，第二天植树25棵，一共植树多少棵？",
        "将给定列表按升序排序。\n\n[10, 2, 5]",
    ],
    "creative": [
        "Write a short story about a lighthouse keeper.",
        "Compose a haiku about rain.",
        "Pretend to be a pirate and greet your crew.",
        "You are a dragon. Tell the knight why he should leave.",
        "Come up with a slogan for a bakery.",
        "写一首关于春天的诗。",
        "为我创作一首诗歌。\n秋天",
        "给一家咖啡店想一句广告语。",
        "续写这个故事：李明在森林中散步。",
        "Write a funny, interesting, inspiring poem for Women's Day.",
        "I need a joke about bubbles.",
        "Draft an apology email to a customer who waited too long.",
        "Suggest a continuation for the sentence.\n\nOnce the sun rose,",
        "Write a script for a YouTube video about jazz.",
        "Erzähl mir eine Geschichte über einen Hund.",
        "Raconte une blague.",
        "Redacta un correo para pedir un aumento.",
        "帮我写一封请假邮件。",
        "Design a comedic sitcom episode about four friends.",
        "Write a startup pitch for a time capsule service.",
        "Brainstorm a name for a bakery.",
        "Write a chord progression in C major.",
        "Rewrite the haiku below so that it is funny.",
        "Take this speech and turn it into a rap song.",
        "Let's play a text adventure game.",
        "你是一名兽医，你该如何安慰猫的主人？",
        "假设你是客服，用户非常生气，你会怎么回复？",
        "仿照古龙的语气介绍一座城市。",
        "为一篇博客文章创建一个引人注目的标题。",
        "给我讲一个笑话。",
        "帮他写一段直播通知。",
        "请使用小红书的风格介绍上海。",
    ],
    "other": [
        "Translate the following sentence into French: I am tired.",
        "Hello!",
        "What is your name?",
        "What is a synonym for happy?",
        "toolformer: enabled\ntoolformer access: search\nFind the news of today.",
        "你是谁？",
        "将以下文本翻译为英语：“我最喜欢的季节是春天。”",
        "写出“高兴”的三个近义词。",
        "用“虽然……但是……”造句。",
        "Combine the two sentences into one.\n\nIt rains. I stay.",
        "Generate a sentence using the word 'serendipity'.",
        "What is another word for engravings?",
        "Are you trained by OpenAI?",
        "Wer bist du?",
        "¿Quién eres?",
        "Подбери синоним к слову быстрый.",
        "Your job is to convert the sentence into the English language.",
        "Nu se poate.\n\nTranslate to English\n\nEnglish:",
        "Identify the hypernym for the word 'rose'.",
        "Replace the words in bold with words that have the same meaning.",
        "Convert the following statement into a question.\n\nYou were late.",
        "What is the longest english word you can make from these three letters?",
        "将以下的肯定句改为否定句：他喜欢阅读。",
        "请给出这句上联的下联。",
        "找出句子中的错字。",
        "嘿，你好啊",
        "你可以做什么？",
    ],
    "general": [
        "What is the capital of France?",
        "Why do leaves change colour in autumn?",
        "Summarise the article.\n\nThe council met on Monday and agreed on the budget.",
        "Give me tips for a job interview.",
        "Classify the sentiment as positive or negative.\n\nI love it.",
        "什么是机器学习？它有哪些应用场景？",
        "解释用于评估机器翻译性能的常见指标。",
        "计算机科学的历史是怎样的？",
        "程序员的一天是怎样的？",
        "《红楼梦》的作者是谁？",
        "中国有多少个省？",
        "列出5种可以改善睡眠质量的方法。",
        "What is Kubernetes?",
        "How can we solve the housing crisis?",
        "You are provided with a news article. Identify its topic.\n\nThe match ended in a draw.",
        "告诉我为什么这个笑话不好笑。\n\n两只猫相遇了。",
        "将这封电子邮件概括成一句话。",
        "你是一个信息提取系统，请提取下面文字中的地名。",
    ],
}
# What looks like one category by a word and is another.
NEAR_MISSES = {
    "Write a story about a programmer who loves Python functions.": "creative",
    "What does the Highway Code say about roundabouts?": "general",
    "Which class of animals do snakes belong to?": "general",
    "What is the history of the bow and the guitar string?": "general",
    "Who wrote the poem The Raven?": "general",
    "Summarise the main theme of the story.\n\nA fox saw some grapes and could not reach them.": "general",
    "Select the oldest person from the list.\n\nConfucius, Michelangelo": "general",
    "Which places held the US Open from 1981-1985?": "general",
    "Name the tallest tower of 2000. Use the word tower at least 8 times.": "general",
    "Explain this: hypervisors which act as an interface between units and packages.": "general",
    "I want a poem about robbers. Give the title in markdown.": "creative",
    "Given a list of names, tell me which one is not real.\n\nMary Johnson": "general",
    "I want to play the joke on my sister. How do I hide a spider?": "general",
    "How many people live in Norway?": "general",  # one number is asked for and none is given
    "In which year did the Second World War end?": "general",
    "You are an expert Python programmer. Write a function that sorts a list.": "code",
    "Imagine you have 3 boxes with 4 balls each. How many balls are there? Think step by step.": "reasoning",
    "Explain how the translation of RNA into protein works.": "general",
    "Thank you for the soup recipe, but how do I keep it from burning?": "general",
    "List the sights of Bohemia. Wrap your entire output in JSON format.": "general",
    "Explain why she left. Markdown ticks (```) are acceptable.": "general",
    "Is it possible to write a novel without the letter e?": "general",
    "How can you tell whether this email is spam?": "general",
    "In this task you are given a text. Now solve the new input case: is it about a person?": "general",
    "He bought 50 newspaper ads at $5 each. How much did he pay?": "reasoning",
    "The play Waiting for Godot won an award. Who wrote it?": "general",
    'Come up with a creative title for the article "how to use python".': "creative",
    "写一个30秒广告脚本，介绍一个新产品。": "creative",
    "一家公司专门从事应用程序，它的客户是谁？": "general",
    "书写高锰酸钾和亚硫酸氢钠的反应方程式": "general",
}


@pytest.mark.parametrize(("category", "instruction"), [(c, text) for c, texts in EXAMPLES.items() for text in texts])
def test_a_prompt_is_known_by_its_wording(category, instruction):
    assert categorise(instruction, None, RULES) == category


@pytest.mark.parametrize(("instruction", "category"), NEAR_MISSES.items())
def test_a_word_alone_does_not_decide(instruction, category):
    assert categorise(instruction, None, RULES) == category


def test_code_in_the_answer_makes_a_pair_code():
    prompt = "How do I print every second line?"

    assert categorise(prompt, "Use a loop:\n```python\nfor line in lines[::2]:\n    print(line)\n```", RULES) == "code"
    assert categorise(prompt, "Ask the printer's menu for duplex off.", RULES) == "general"


def test_the_material_of_a_prompt_does_not_decide():
    passage = (
        "The poet wrote a story about a function of 3 integers, translated into French, and 4 + 4 was mentioned. " * 4
    )

    assert categorise(f"Who is the article about?\n\n{passage}", None, RULES) == "general"


def test_every_category_has_a_rule_or_is_the_default():
    assert {rule.category for rule in RULES.rules} | {RULES.default} == set(CATEGORIES)
    assert RULES.default == "general"


def test_our_own_names_map_to_themselves_and_dollys_to_ours():
    assert all(mapped_category(name, RULES.source_categories) == name for name in CATEGORIES)
    dolly = ["open_qa", "general_qa", "classification", "closed_qa", "brainstorming", "information_extraction"]
    assert {mapped_category(name, RULES.source_categories) for name in [*dolly, "summarization"]} == {"general"}
    assert mapped_category("creative_writing", RULES.source_categories) == "creative"
    assert mapped_category("math", RULES.source_categories) == "reasoning"
    assert mapped_category("coding", RULES.source_categories) == "code"


@pytest.mark.parametrize(
    ("name", "mapping", "category"),
    [
        ("Open_QA", {"open_qa": "general"}, "general"),
        (" math ", {"Math": "reasoning"}, "reasoning"),
        ("STRASSE", {"straße": "other"}, "other"),
        ("poems", {"math": "reasoning"}, None),
        ("", {"math": "reasoning"}, None),
        (None, {"math": "reasoning"}, None),
        ("math", {}, None),
    ],
)
def test_a_mapping_is_read_in_any_case(name, mapping, category):
    assert mapped_category(name, mapping) == category


GOOD = """
default: general
source_categories: {math: reasoning}
rules:
- name: shouting
  category: other
  target: prompt
  description: The prompt is shouted at the reader.
  patterns: ['!!!']
"""


def test_the_first_rule_that_matches_decides():
    rules = load_category_rules(
        GOOD + "- {name: second, category: code, target: prompt, description: Any prompt with a mark., patterns: ['!']}"
    )

    assert categorise("Run!!!", None, rules) == "other"
    assert categorise("Run!", None, rules) == "code"
    assert categorise("Run.", None, rules) == "general"


def test_contains_numbers_and_unless_hold_a_rule_back():
    rules = load_category_rules(GOOD + "  contains: [run]\n  min_numbers: 2\n  unless: ['please']\n")

    assert categorise("Run 1 or two!!!", None, rules) == "other"
    assert categorise("Walk 1 or two!!!", None, rules) == "general"
    assert categorise("Run 1!!!", None, rules) == "general"
    assert categorise("Please run 1 or two!!!", None, rules) == "general"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("['!!!']", "['(!!!']", r"rule shouting: patterns\.0: .*regular expression.*found '\(!!!'"),
        ("['!!!']", "[]", "rule shouting: patterns: .*at least 1 item"),
        ("category: other", "category: others", "rule shouting: category: .*'other', found 'others'"),
        ("target: prompt", "target: question", "rule shouting: target: .*found 'question'"),
        ("target: prompt", "target: prompt\n  colour: red", "rule shouting: colour: Extra inputs.*found 'red'"),
        ("name: shouting", "name: Shouting!", "rule Shouting!: name: "),
        ("- name: shouting\n  category", "- category", "rule number 1: name: Field required"),
        ("default: general", "default: all", "default: .*found 'all'"),
        ("{math: reasoning}", "{math: sums}", "source_categories.math: .*found 'sums'"),
        (GOOD.partition("rules:")[2], " 5", "rules: .*found 5"),
        ("default: general", "default: [", "not YAML"),
        ("default: general", "- x", "not YAML"),
    ],
)
def test_faulty_rules_are_refused_by_name(old, new, told):
    with pytest.raises(ConfigError, match=told):
        load_category_rules(GOOD.replace(old, new))


def test_a_file_that_is_no_mapping_is_refused():
    with pytest.raises(ConfigError, match="category rules:"):
        load_category_rules("- just\n- a list\n")


def test_all_faults_are_told_at_once_and_no_name_serves_twice():
    with pytest.raises(ConfigError) as refused:
        load_category_rules(GOOD.replace("'!!!'", "'('").replace("default: general", "default: all"))
    assert "rule shouting: patterns" in str(refused.value)
    assert "default: " in str(refused.value)

    with pytest.raises(ConfigError, match="listed twice: shouting"):
        load_category_rules(GOOD + GOOD.partition("rules:\n")[2])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400), st.none() | st.text(max_size=400))
@example("", "")
@example("\ud800", None)
@example("\x00\n\n\n", "```")
def test_any_text_has_one_category_and_always_the_same(instruction, response):
    category = categorise(instruction, response, RULES)

    assert category in CATEGORIES
    assert category == categorise(instruction, response, RULES)
