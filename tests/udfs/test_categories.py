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
        "构建查询，列出上个月下单的客户。",
        "React 和 Vue 哪个更适合做后台页面？",
        "如何在Linux中查看端口占用？",
        "解释死锁产生的四个条件。",
        "设计一种算法来发现重复的发票。",
        "运行程序时出现空指针异常，怎么办？",
        "用 git 怎么撤销最近一次提交？",
        "写一个 API 来返回天气。",
        "描述在列表中查找最小值的算法。",
        "给每次commit加一个序号",
        "创建一个 JSON 对象来保存地址。",
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
        "按降序排列这些数字：4、19、7",
        "把下列数字除以 7。\n\n91",
        "将数字 45 转换为八进制。",
        "找出 20 以内的所有奇数。",
        "求给定圆的半径。\n\n面积：12",
        "物体的动能是多少？\n\n质量 = 3 千克，速度 = 5 米",
        "如果所有猫都是动物，那么所有动物都是猫吗？",
        "小王比小李高，小李比小张高，谁最矮？",
        "剪去长方形的一个角，还剩几个角？",
        "面朝东方，右转90度后面朝哪个方向？",
        "从1加到50的总和是多少？",
        "证明三的平方大于八。",
        "如果2x+5=17，那么x等于多少？",
        "今天是星期二，30天后是星期几？",
        "化简这个分数。\n\n8/12",
        "找到函数的最小值。\n\nx^2 - 4x",
        "添加数字 5、9 和 2",
        "指出数列中缺失的数。\n\n3, 6, _, 12",
        "小王有4个桃，小李有6个桃，谁的桃更多？",
        "白天之于黑夜，正如夏天之于什么？",
        "找出这条线段的中点。\n\n(1, 2), (3, 8)",
        "用文字写出数字。\n\n305",
        "抛两枚硬币，都是正面的概率是多少？",
        "给定面积求边长。\n\n49",
        "确定三角形的边长。\n\n3, 4",
        "从列表中删除第二项。\n\n[7, 8, 9]",
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
        "为一只橘猫起一个昵称。",
        "给这款耳机想几个有趣的用户名。",
        "讲述一个老人回到故乡的故事。",
        "创作一幅关于交通堵塞的漫画。",
        "就节约用水写一篇有说服力的演讲。",
        "以《我的母亲》为题写一篇议论文。",
        "写一段同事退休时说的话。",
        "给老板写一封道歉信。",
        "为这篇报道加一个标题。",
        "帮我做一篇《红楼梦》的书评。",
        "写一篇关于新图书馆开馆的新闻。",
        "扩写这个故事。",
        "描述一下雪后山村的景色。",
        "完成这首诗。\n\n月亮爬上屋顶",
        "作为一名船长，请描述暴风雨中的一夜。",
        "假装你是一棵老树，讲讲你的一天。",
        "我想让你充当面试官。",
        "我希望你像孔子一样回答。",
        "你的工作是图书管理员，有读者大声喧哗，你怎么劝他？",
        "写一个包含三个比喻的段落。",
        "生成三个比喻来形容时间。",
        "画一幅山水",
        "为一家面包店设计徽标",
        "描述一种假想的野兽。",
        "写她在雨中的一天",
        "帮我写一首七言绝句",
        "为新款雨伞生成客户评价。",
        "以鲁迅的风格，写几句感想。",
        "为询问退货的客户生成适当的回复。",
        "继续写下去",
        "想出一部电影的创意。",
        "修改这个故事的情节。",
        "为这部电影生成预告片。",
        "写一段描述海边日落的话",
        "写一个总结要点的新闻标题。",
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
        "在句子中加上逗号。\n\n桌上有苹果梨和桃",
        "识别这句话中的头韵。",
        "找出下列句子中的从句。",
        "把两个句子合并成一句。",
        "编辑以下句子，让它更简洁。\n\n我个人认为我觉得可以。",
        "用不同的词重写短语。\n\n非常好",
        "推荐一个与“快速”意思相同的词。",
        "她每天____去上班。",
        "将给定的句子从第一人称改成第三人称。",
        "写出“recieve”的正确拼写。",
        "对下面的句子提出更正。",
        "把这段话润色一下。",
        "举例说明一个成语的用法。",
        "统计下面出现频率最高的词。",
        "“雨伞”用法语怎么说？",
        "把这句话改成文言文。",
        "你是怎么训练出来的？",
        "你的参数有多少？",
        "你能够听懂方言吗？",
        "你是机器人吗？",
        "晚安！",
        "我爱你",
        "选择正确的单词。\n\n他很（高/搞）兴",
        "给出三个使用“但是”的例句。",
        "按字母顺序排列这些水果。",
        "圈出正确的形式。",
        "检查下文的拼写。",
        "请改写这一段。",
        "再写一遍",
        "很好，谢谢你的回答",
        "是的",
        "请用英语回答",
        "我们来玩成语接龙吧",
        "这句话含有形容词吗？",
        "改变句子的语态。",
        "给这个词写出复数形式。",
        "写出每个单词的首字母。",
        "举一个比喻的例子。",
        "编辑文本，使意思更准确。",
        "结尾可以再修饰一下吗？",
        "将下面的话缩短为 5 个词。",
        "下面的句子有动词吗？\n\n她写了一封信",
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
        "使用机器学习算法有哪些缺点？",
        "量子计算是什么？",
        "什么是二叉树？",
        "城市在经济中扮演着什么角色？",
        "请提供三个图书网站的名称。",
        "如何写好一篇作文？",
        "用一句话解释通货膨胀。",
        "判断以下句子的情感是积极还是消极。",
        "请推荐几首流行歌曲。",
        "所有的鸟都会飞吗？",
        "如果你正在学做饭，需要哪些工具？",
        "从公共卫生的角度解释隔离。",
        "写一篇关于气候变化的综述。",
        "研究人员要求提供哪些材料？",
        "2013年有多少游客来到希腊？",
        "蜡笔画有什么特点？",
        "有什么办法可以减少出错的概率？",
        "不会编程的人可以为开源做什么？",
        "为搜索引擎生成查询。",
        "这些国家的名字和首都有什么来历？",
        "凶手为什么逃走了？",
        "你精通法律，请回答遗产如何继承。",
        "比较各种类型的计算。",
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


@pytest.mark.parametrize("between", ["：", ":\n", "内容如下：", "\n\n"])
def test_the_material_of_a_chinese_prompt_does_not_decide(between):
    passage = "诗人写了一个关于函数的故事，又把它翻译成法语，还扮演过国王，请计算一下他用了多少个动词，再编写程序。" * 2

    assert categorise(f"根据这篇文章{between}{passage}", None, RULES) == "general"
    assert categorise(passage, None, RULES) != "general"


@pytest.mark.parametrize(
    ("prompt", "category"), [("你好", "other"), ("写诗", "creative"), ("1 + 1 = ?", "reasoning"), ("用SQL查询", "code")]
)
def test_words_are_looked_for_in_any_letters(prompt, category):
    assert categorise(prompt, None, RULES) == category
    assert categorise(f"{prompt}。", None, RULES) == category


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
