"""What the oracle is asked: inventories as files, and the patterns to select from them."""

# ruff: noqa: E501 - inventories are shown as people write them

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from tests.ansible.oracle_filters import DATA, TEMPLATES

PASSWORD = "correct horse"

# Both were written by ansible-vault 2.19 with the password above.
VAULT_VALUE = """\
$ANSIBLE_VAULT;1.1;AES256
64333031616161653062323766376462363039366639336439363739333031623062666536353538
3163626335306435376262656638386630346262663731650a646336336631346331623739623931
31313662623233653463393038336433323436323334663737393935636232656461613533633961
6366323065383737620a636361633833383835656137623937346466653437363930626164336134
6262
"""
VAULT_FILE = """\
$ANSIBLE_VAULT;1.1;AES256
37646463383833396261316238363736633165666339306666623935376565323561643065333264
3631376331376235383532303732343634663866393262300a363637623965623233343335643965
37636331356635303531653935356361373961353430393939303535363336346638636239326535
6439366139343439630a313864646638383463386633343962613362326438363739343738616664
38396561356439613063346163613631366137613033633538383138326565663464313337326237
3463653935366362396332306637376465656564333130346431
"""


def oracle_environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own Ansible: no configuration, no colour, no home."""
    configuration = folder / "ansible.cfg"
    configuration.touch()
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
    }


@dataclass(frozen=True)
class Case:
    """Files of one inventory and what to ask about it.

    Files that end in ``.sh`` or ``.py``, or are in ``run/``, are executable.
    """

    name: str
    files: Mapping[str, str]
    source: str = "hosts.yaml"
    extra: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    render: tuple[str, ...] = ()
    vault: bool = False
    cwd: str = "."
    shallow: bool = field(default=True)

    def write(self, folder: Path) -> Path:
        """Put the files under ``folder``; returns the folder that the tools run in."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
            path.chmod(0o755 if path.suffix in (".sh", ".py") or path.parent.name == "run" else 0o644)
        (folder / "vault-password").write_text(PASSWORD + "\n")
        (folder / self.cwd).mkdir(parents=True, exist_ok=True)
        return folder / self.cwd

    def arguments(self, folder: Path) -> list[str]:
        """Options that both tools understand."""
        options = [part for value in self.extra for part in ("-e", value)]
        return [*options, *(["--vault-password-file", str(folder / "vault-password")] if self.vault else [])]

    def question(self, folder: Path) -> dict[str, Any]:
        """The case as the oracle reads it."""
        return {
            "cwd": str(folder / self.cwd),
            "source": self.where(folder),
            "args": self.arguments(folder),
            "patterns": list(self.patterns),
            "limits": list(self.limits),
            "render": list(self.render),
        }

    def where(self, folder: Path) -> str:
        return self.source if "," in self.source else str(folder / self.source)


def yaml_case(name: str, text: str, **more: Any) -> Case:
    return Case(name, {"hosts.yaml": text}, **more)


def ini_case(name: str, text: str, **more: Any) -> Case:
    return Case(name, {"hosts.ini": text}, source="hosts.ini", **more)


SHOP = """
    all:
      vars: {region: eu, http: 80, url: "http://{{ inventory_hostname }}:{{ http }}/{{ region }}"}
      hosts:
        lonely:
      children:
        web:
          hosts:
            web[01:05].shop.example.com:
          vars: {http: 8080}
        db:
          hosts: {db1: {role: primary}, db2: {role: replica}}
          children:
            cache: {hosts: {cache1: , "cache2:2222": }}
        eu:
          hosts: {web01.shop.example.com: , db1: , cache1: }
        empty: {}
"""

SHOP_PATTERNS = (
    "all", "*", "web", "web:db", "web,db", "db:web", "web:&eu", "&eu:web", "web:!eu", "!eu", "!eu:&db", "&eu",
    "web:db:&eu:!cache", "!web:!db", "db1", "db1:db1", "db1,web", "cache2:db1", "web[0]", "web[-1]", "web[1:3]",
    "web[2:]", "web[0:0]", "web[9]", "db[0:1]:&eu", "*.example.com", "*.shop.*", "web0?.shop.example.com",
    "web0[12].shop.example.com", "~web0[1-3]", "~.*shop", "~^db\\d$", "~(web|db)", "d*", "db*", "db*[0]", "*1",
    "ungrouped", "lonely", "all:!ungrouped", "empty", "empty:db", "localhost", "nosuch",
    "nosuch:db", "db:!nosuch", "db1:22", "web*:!web01*", "web*[1:2]", "cache?", "all[2]", "all[1:2]:&eu",
    " web , db ", "web:db:", "e*", "*c*:&eu", "!*:db", "all:&all", "DB", "web01", "web01.shop.example.com:db2",
)  # fmt: skip

HAND_WRITTEN = [
    yaml_case(
        "shop",
        SHOP,
        patterns=SHOP_PATTERNS,
        limits=("web", "eu:!db", "db1", "cache", "lonely"),
        render=("url", "groups", "group_names", "inventory_hostname_short", "http"),
    ),
    yaml_case("one host", "all: {hosts: {h1: }}"),
    yaml_case("any name at the top", "web: {hosts: {h1: }}\ndb: {hosts: {h2: {a: 1}}}\n"),
    yaml_case("sections as strings", "web: {hosts: h1}\nall: {children: web}\n"),
    yaml_case("empty sections", "web: {hosts: , vars: , children: }\ndb:\nall: {hosts: {h: }}\n"),
    yaml_case(
        "ungrouped by hand",
        "ungrouped: {hosts: {a: , b: }}\nweb: {hosts: {b: }}\n",
        patterns=("all", "ungrouped"),
    ),
    yaml_case(
        "hosts of all and of a group",
        "all: {hosts: {a: , b: }, children: {g: {hosts: {b: , c: }}}}",
        patterns=("all",),
    ),
    yaml_case(
        "hosts that come again merge",
        """
        all:
          hosts: {h: {a: 1, m: {x: 1}}}
          children:
            g: {hosts: {h: {b: 2, m: {y: 2}}}}
        g: {vars: {c: 3, m: {z: 1}}, hosts: {i: }}
        """,
    ),
    yaml_case(
        "groups that come again merge",
        "a: {children: {b: {vars: {x: 1}}}}\nb: {hosts: {h: }, vars: {y: 2}}\nc: {children: {b: }}\nall: {children: {c: }}\n",
        patterns=("a", "b", "c", "all"),
    ),
    yaml_case(
        "ranges",
        """
        all:
          hosts:
            a[1:3]: {}
            b[01:10:3]: {}
            c[008:011]-x: {}
            d[a:e:2]: {}
            e[1:2]f[a:b].example.com: {v: 1}
            "10.0.0.[1:3]": {}
            "[1:2]x": {}
            f[:2]: {}
            g[X:Z]: {}
            h[x:B]: {}
            i[0:2]: {}
            j[-1:2]: {}
            "k[1 : 3]": {}
        """,
    ),
    yaml_case(
        "unsafe lists and mappings",
        """all: {hosts: {h: {a: !unsafe ["{{ x }}", {b: "{{ y }}", c: 5}], d: "{{ a }}"}}}""",
        render=("a", "d"),
    ),
    Case(
        "json is read as json",
        {
            "hosts.json": r"""{"g": {"hosts": {"h": {"a": 1e3, "e": "\ud83d\ude00", "n": [1.0, -0, null]}}}}""",
            "group_vars/all.yml": r"""{"f": 1E-2, "s": "\ud83d\ude00 \/"}""",
            "group_vars/g.json": '{\n\t"twice": 1,\n\t"twice": 2, "nan": NaN, "yes": "yes", "t": "12:30"\n}',
            "host_vars/h.json": json.dumps(
                {"u": {"__ansible_unsafe": "{{ x }}"}, "v": 7, "secret": {"__ansible_vault": VAULT_VALUE}}
            ),
        },
        source="hosts.json",
        vault=True,
        render=("a", "f", "secret", "u"),
    ),
    Case(
        "filters, tests and lookups",
        {
            "hosts.yaml": json.dumps(
                {"all": {"hosts": {"h": None, "i": None}, "vars": {**DATA, **TEMPLATES}}}
            ),
            "f.txt": "hello\n\n",
            "g.txt": "g\n",
        },
        render=tuple(TEMPLATES),
    ),
    yaml_case(
        "ports",
        """
        all:
          hosts:
            web:2222: {}
            "[2001:db8::1]:2200": {}
            2001:db8::2: {}
            "10.0.0.1:23": {ansible_port: 24}
            r[1:2]:99: {}
            "[plain]:77": {}
            odd:name: {}
            under_score-: {}
            trailing:x22: {}
            "a b:22": {}
            ümlaut:44: {}
        """,
    ),
    yaml_case(
        "a port of a host that is known already does not count",
        "a: {hosts: {h: }}\nb: {hosts: {'h:22': {x: 1}}}\n",
    ),
    yaml_case(
        "precedence of groups by depth, priority and name",
        """
        all:
          vars: {v: all, w: all, p: all}
          children:
            zeta: {vars: {v: zeta, w: zeta, p: zeta, ansible_group_priority: 10}, hosts: {h: }}
            alpha:
              vars: {v: alpha, w: alpha}
              children:
                deep: {vars: {v: deep}, hosts: {h: }}
            beta: {vars: {p: beta, w: beta, ansible_group_priority: "5"}, hosts: {h: }}
        """,
    ),
    yaml_case(
        "a group on two ways down counts by its longest",
        """
        all:
          children:
            a: {children: {b: {children: {c: {children: {target: }}}}}, vars: {v: a}}
            target: {vars: {v: target}, hosts: {h: }}
            other: {children: {mid: {vars: {v: mid}, hosts: {h: }}}}
            b: {vars: {v: b, only: b}}
        """,
        shallow=False,
    ),
    yaml_case(
        "types of values",
        """
        all:
          hosts:
            h:
              i: 0x1F
              o: 010
              f: 1.50
              e: 1e3
              inf: .inf
              b: [yes, No, on, "yes", TRUE, ~, null]
              d: 2024-02-29
              t: 2024-02-29 12:30:00
              z: 2024-02-29T12:30:00+02:00
              s: 12:30:45
              n:
              text: |
                two
                lines
              folded: >-
                one
                line
              nested: {list: [1, [2, {a: b}]], empty: {}, none: []}
              uni: "żółć ☃ \\u2028 \\x00 end"
              big: 123456789012345678901234567890
              under: 1_000
              unsafe: !unsafe "{{ not a template }}"
              quoted: '{{ "a" }}'
        """,
        render=("unsafe", "quoted", "f", "nested"),
    ),
    yaml_case(
        "anchors and merge keys",
        """
        x: &x {a: 1, b: 2}
        """.replace("x: &x", "all: {vars: &x")
        + "        , hosts: {h: {<<: *x, d: 3}, i: *x, j: {<<: [{c: 1}, *x]}}}\n",
    ),
    yaml_case(
        "lazy templates",
        """
        all:
          vars: {v: low, lazy: "{{ v }}", chain: "{{ lazy }}!", list: ["{{ v }}", "{{ n }}"], n: 5, same: "{{ n }}"}
          hosts:
            h: {v: high}
            i: {n: 6}
            j: {mine: "{{ hostvars['h']['lazy'] }}/{{ hostvars.i.n }}", short: "{{ inventory_hostname_short }}"}
        """,
        render=("lazy", "chain", "list", "same", "mine", "short"),
    ),
    yaml_case(
        "implicit names in templates",
        """
        all:
          vars:
            where: "{{ inventory_dir | basename }}/{{ inventory_file | basename }}"
            who: "{{ groups['web'] | join(',') }} {{ group_names }}"
            peers: "{% for h in groups['all'] %}{{ hostvars[h].inventory_hostname }};{% endfor %}"
          children: {web: {hosts: {a.example.com: , 10.1.2.3: , "2001:db8::5": }}, x: {hosts: {a.example.com: }}}
        """,
        render=("who", "peers", "inventory_hostname_short"),
    ),
    yaml_case(
        "names that Ansible keeps to itself",
        "all: {hosts: {h: {role_name: x, groups: y, omit: z, environment: e}}}",
    ),
    yaml_case(
        "localhost in the inventory",
        "all: {hosts: {localhost: {a: 1}}}",
        patterns=("localhost", "127.0.0.1", "all"),
    ),
    yaml_case(
        "another loopback in the inventory",
        "all: {hosts: {127.0.0.1: }}",
        patterns=("localhost", "::1", "all"),
    ),
    yaml_case(
        "extra variables",
        "all: {hosts: {h: {a: 1, b: 2}}}",
        extra=("a=x b='y z'", '{"c": [1, true]}', "d: 1", "e=1=2")[:2],
    ),
    Case(
        "extra variables from a file",
        {
            "hosts.yaml": "all: {hosts: {h: {a: 1}}}",
            "more.yml": "a: 2\nz: {q: 1}\n",
            "more.json": '{"y": null}',
        },
        extra=("@more.yml", "@more.json", "k=v"),
    ),
    Case(
        "files beside the inventory and beside the play",
        {
            "inv/hosts.yaml": """
                all:
                  vars: {a: inline-all, b: inline-all, c: inline-all, d: inline-all, m: {x: 1}}
                  children:
                    web: {vars: {a: inline-web, b: inline-web, e: inline-web, f: 1}, hosts: {h1: {f: 2, g: 1}, h2: }}
                    sub: {vars: {e: inline-sub}, hosts: {h1: }}
            """,
            "inv/group_vars/all.yml": "a: file-all\nm: {y: 2}\n",
            "inv/group_vars/web.yaml": "c: file-web\nh: 1\n",
            "inv/group_vars/sub": "c: file-sub\n",
            "inv/host_vars/h1.json": '{"g": 2, "j": "{{ a }}"}',
            "play/group_vars/all": "b: play-all\nc: play-all\n",
            "play/group_vars/web.yml": "h: 2\ni: 1\n",
            "play/host_vars/h1.yml": "i: 2\n",
            "play/host_vars/h2/b.yml": "k: 2\n",
            "play/host_vars/h2/a.yml": "k: 1\nl: 1\n",
        },
        source="inv/hosts.yaml",
        cwd="play",
        render=("j",),
    ),
    Case(
        "folders of variables",
        {
            "hosts.yaml": "all: {children: {web: {hosts: {h: }}}}",
            "group_vars/all/10-first.yml": "v: 1\na: 1\n",
            "group_vars/all/20-second": "v: 2\n",
            "group_vars/all/nested/x.json": '{"v": 3, "n": 1}',
            "group_vars/all/nested.d/x.yml": "ignored: dotted folder\n",
            "group_vars/all/.hidden.yml": "ignored: 1\n",
            "group_vars/all/backup.yml~": "ignored: 2\n",
            "group_vars/all/notes.txt": "ignored: 3\n",
            "group_vars/all.yml": "ignored: the folder wins\n",
            "group_vars/web": "w: 1\n",
            "group_vars/web.yml": "ignored: no extension wins\n",
            "group_vars/nobody.yml": "ignored: 1\n",
            "group_vars/ungrouped.yml": "",
            "host_vars/h.yaml": "---\n# nothing\n",
        },
        cwd="elsewhere",
    ),
    Case(
        "a folder as the inventory",
        {
            "inv/01-web.yaml": "web: {hosts: {w1: {a: 1}, w2: }}\n",
            "inv/02-db.ini": "[db]\nd1 a=2\nw1 b=3\n[db:vars]\nx=1\n",
            "inv/03-more": "[web:vars]\ny=2\n[all:vars]\nz=3\n",
            "inv/04-static.json": '{"cache": {"hosts": {"c1": {}}}}',
            "inv/sub/deep.yaml": "web: {hosts: {w3: }}\n",
            "inv/sub/group_vars/web.yml": "ignored: 1\n",
            "inv/group_vars/web.yml": "f: 1\n",
            "inv/host_vars/d1.yml": "g: 1\n",
            "inv/.hidden": "nonsense: [",
            "inv/notes.txt": "nonsense: [",
            "inv/old.yaml.bak": "nonsense: [",
            "inv/hosts.yaml~": "nonsense: [",
            "inv/README.md": "nonsense: [",
            "inv/ansible.cfg": "[defaults]\n",
            "inv/empty.yml": "",
        },
        source="inv",
        patterns=("all", "web", "db:web"),
        render=("y",),
        cwd="elsewhere",
    ),
    ini_case(
        "ini",
        """
        # a comment
        ; another
        lonely
        first ansible_host=10.0.0.1 ansible_port=2222

        [web]   # trailing
        web[1:3].example.com
        alpha x=1 y='a b' z="q=r" t=True f=false n=None l=[1,'2'] d={'k':1}  # the rest is ignored
        beta:2345 user=admin
        [db]
        db1   s=1.50 o=0x10 e='' five="'5'" tuple=(1,2) set={1} bytes=b'x' cplx=1j dots=...
        alpha

        [prod:children]
        web
        db # comment
        later

        [later]
        l1

        [prod:vars]
        a=1
        b = two words # kept
        c="quoted"
        d={'x': [1, 2]}
        e=
        f = =
        g='it''s'
        h=None
        i=0123
        j={{ a }}
        k=yes

        [web:vars]
        ansible_group_priority=5
        """,
        patterns=("all", "prod", "web", "lonely", "ungrouped", "web:!alpha"),
        render=("j",),
        shallow=False,
    ),
    Case(
        "vault",
        {
            "hosts.yaml": "all: {hosts: {h: }, vars: {v: 7}}\n",
            "group_vars/all/plain.yml": "secret: !vault |\n" + indent(VAULT_VALUE, "  "),
            "group_vars/all/vaulted.yml": VAULT_FILE,
        },
        vault=True,
        render=("secret", "secret_file", "n"),
    ),
    Case(
        "vault in json",
        {
            "inv.py": f"""\
                #!/usr/bin/env python3
                import json
                secret = {{"__ansible_vault": {VAULT_VALUE!r}}}
                print(json.dumps({{"g": {{"hosts": ["h"]}}, "_meta": {{"hostvars": {{"h": {{"secret": secret, "v": 8}}}}}}}}))
            """
        },
        source="inv.py",
        vault=True,
        render=("secret",),
    ),
    Case("vaulted inventory without a password", {"hosts.yaml": "all: {hosts: {h: {s: !vault xyz}}}"}),
    ini_case("ini without sections", "h1\nh2 a=1\nh[3:5]\n"),
    ini_case("ini with one group", "[web]\nh1\n[empty]\n[other:children]\nweb\n"),
    ini_case(
        "ini children before their declaration",
        "[top:children]\nmid\nlate\n[mid:children]\nlow\n[low]\nh1\n[late:vars]\na=1\n[late]\nh2\n[top:vars]\nb=1\n",
        patterns=("top", "mid"),
    ),
    ini_case(
        "ini with quotes and backslashes",
        "h a=\"x\\\"y\" b='c:\\\\d' c=a\\ b d='[\"u\", 1]' e=\"{'a': 'b'}\" g=a=b=c\n",
    ),
    ini_case("ini on windows", "[web]\r\nh1 a=1\r\n\r\n[web:vars]\r\nb=2\r\n"),
    ini_case("ini with unicode", "[wéb]\nhöst[1:2] title='żółć'\n"),
    Case("ini without a suffix", {"hosts": "[web]\nh1 a=1\n[web:vars]\nb=2\n"}, source="hosts"),
    Case("yaml without a suffix", {"hosts": "web:\n  hosts:\n    h1: {a: 1}\n"}, source="hosts"),
    Case("words without a suffix", {"hosts": "h1\nh2\n"}, source="hosts"),
    Case("ini with a suffix of its own", {"prod.inventory": "[web]\nh1\n"}, source="prod.inventory"),
    Case("host list", {"x": ""}, source="h1,h2,10.0.0.1:22, h3", patterns=("all", "h1")),
    Case(
        "static json",
        {"hosts.json": '{"all": {"hosts": {"h": {"a": [1, null, true]}}}}'},
        source="hosts.json",
    ),
    Case("executable yaml is no script", {"run/hosts": "all: {hosts: {h: }}\n"}, source="run/hosts"),
    Case(
        "script",
        {
            "inv.py": """\
                #!/usr/bin/env python3
                import json
                print(json.dumps({
                    "web": {"hosts": ["h1", "h2"], "vars": {"a": 1, "t": "{{ a }}"}, "children": ["sub"]},
                    "sub": {"hosts": ["h3"], "vars": {}},
                    "all": {"vars": {"g": 1}},
                    "_meta": {"hostvars": {"h1": {"b": [1, {"c": "x"}]}, "ghost": {"z": 1}, "h3": {"u": {"__ansible_unsafe": "{{ x }}"}}}},
                }))
            """,
            "group_vars/web.yml": "f: 2\n",
        },
        source="inv.py",
        patterns=("all", "web", "sub"),
        render=("t",),
    ),
]

REFUSED = [
    yaml_case("list at the top", "- web\n"),
    yaml_case("children as a list", "all: {children: [web]}\n"),
    yaml_case("hosts as a list", "web: {hosts: [h1, h2]}\n"),
    yaml_case("hosts as a number", "web: {hosts: 5}\n"),
    yaml_case("variables as a list", "web: {hosts: {h: [1]}}\n"),
    yaml_case("group of itself", "a: {children: {a: }}\n"),
    yaml_case("circle", "a: {children: {b: {children: {c: {children: {a: }}}}}}\n"),
    yaml_case("all in a group", "a: {children: {all: }}\n"),
    yaml_case("range without end", "all: {hosts: {'h[1:]': }}\n"),
    yaml_case("single in brackets", "all: {hosts: {'h[1]': }}\n"),
    yaml_case("range of different lengths", "all: {hosts: {'h[01:100]': }}\n"),
    yaml_case("range with step 0", "all: {hosts: {'h[1:5:0]': }}\n"),
    yaml_case("range of letters that ends before it begins", "all: {hosts: {'h[f:a]': }}\n"),
    yaml_case("half a bracket", "all: {hosts: {'h[1:2': }}\n"),
    yaml_case("plugin", "plugin: amazon.aws.aws_ec2\n"),
    yaml_case("priority that is no number", "web: {hosts: {h: }, vars: {ansible_group_priority: high}}\n"),
    yaml_case("scalar child", "all: {children: {web: 5}}\n"),
    yaml_case("unknown key", "web: {hots: {h: }, hosts: {i: }}\n"),
    yaml_case("tab", "web:\n\thosts: {h: }\n"),
    yaml_case("repeated key", "web: {hosts: {h: }}\nweb: {hosts: {i: }}\n"),
    ini_case("ini child that is declared nowhere", "[a:children]\nb\n"),
    ini_case("ini variables of a group that is declared nowhere", "[a:vars]\nx=1\n"),
    ini_case("ini section of an unknown kind", "[a:hots]\nh\n"),
    ini_case("ini word without a value", "[a]\nh x\n"),
    ini_case("ini open quote", "[a]\nh x='1\n"),
    ini_case("ini variable without a value", "[a]\n[a:vars]\nx\n"),
    ini_case("ini section with a space", "[a b]\nh\n"),
    ini_case("ini host with an open port", "[a]\nh:\n"),
    Case("script that fails", {"inv.sh": "#!/bin/sh\necho no >&2; exit 3\n"}, source="inv.sh"),
    Case("script that prints no json", {"inv.sh": "#!/bin/sh\necho '{'\n"}, source="inv.sh"),
    Case("variables that are a list", {"hosts.yaml": "all: {hosts: {h: }}", "group_vars/all.yml": "[1]\n"}),
    Case("missing", {"x": ""}, source="nosuch.yaml"),
]  # fmt: skip
