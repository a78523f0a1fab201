"""Expressions whose values are compared with ansible-core's own, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATA: Mapping[str, Any] = {
    "d": {"b": 2, "a": 1},
    "l": [3, 1, 2],
    "s": "Hello World",
    "n": None,
    "e": "",
    "uni": "ü\u00a0é",
    "nest": {"m": {"p": 1, "l": [1]}, "l": [1, 2], "k": [{"x": 1, "y": [1, 2]}, {"z": None}]},
    "multi": "a\nb\n",
    "long": "word " * 60,
}

EXPRESSIONS = r"""
d|default('x')
u|default('x')
u|default
u|default([])
e|default('x')
e|default('x', true)
n|default('x')
n|default('x', true)
u.a.b|default(1)
d.zz|default(2)
u|d(3)
s|mandatory
d|to_json
d|to_json(indent=2)
l|to_json
s|to_json
n|to_json
true|to_json
1.5|to_json
1.0|to_json
d|to_json(sort_keys=true)
d|to_json(ensure_ascii=false)
d|to_nice_json
l|to_nice_json
d|to_nice_json(indent=2)
d|to_nice_json(sort_keys=false)
nest|to_nice_json
d|to_yaml
l|to_yaml
s|to_yaml
n|to_yaml
true|to_yaml
5|to_yaml
uni|to_yaml
nest|to_yaml
multi|to_yaml
'yes'|to_yaml
'5'|to_yaml
''|to_yaml
'a: b'|to_yaml
[]|to_yaml
{}|to_yaml
d|to_nice_yaml
l|to_nice_yaml
nest|to_nice_yaml
nest|to_nice_yaml(indent=2)
multi|to_nice_yaml
uni|to_nice_yaml
nest|to_nice_yaml(sort_keys=false)
d|to_yaml(default_flow_style=false)
nest|to_yaml(indent=2)
long|to_yaml
[long]|to_nice_yaml
[long]|to_nice_yaml(width=40)
'{"a": [1, null, true, 1.5]}'|from_json
'[1]'|from_json
'"x"'|from_json
'a: [1, ~, yes]'|from_yaml
'- a'|from_yaml
''|from_yaml
'x'|from_yaml
s|b64encode
uni|b64encode
''|b64encode
'aGk='|b64decode
'w7w='|b64decode
s|b64encode(encoding='utf-16-le')
s|hash
s|hash('sha1')
s|hash('md5')
s|hash('sha256')
s|hash('sha512')
s|hash('blake2b')
uni|hash('sha256')
s|quote
'a'|quote
''|quote
"it's"|quote
5|quote
n|quote
'yes'|bool
'no'|bool
'True'|bool
'1'|bool
1|bool
0|bool
'on'|bool
true|bool
true|ternary('a','b')
''|ternary('a','b')
n|ternary('a','b','c')
n|ternary('a','b')
'x'|ternary('a','b')
'false'|ternary('a','b')
d|combine({'a':9})
d|combine({'z':1},{'z':2})
d|combine([{'z':1},{'y':2}])
nest|combine({'m':{'q':1}})
nest|combine({'m':{'q':1}}, recursive=true)
nest|combine({'l':[3]}, list_merge='append')
nest|combine({'l':[3]}, list_merge='prepend')
nest|combine({'l':[2]}, list_merge='append_rp')
nest|combine({'l':[2]}, list_merge='prepend_rp')
nest|combine({'l':[2]}, list_merge='keep')
nest|combine({'m':{'l':[2]}}, recursive=true, list_merge='append')
{}|combine
[d,{'x':1}]|combine
d|dict2items
d|dict2items(key_name='k', value_name='v')
{}|dict2items
[{'key':'a','value':1},{'key':'b','value':2}]|items2dict
[{'k':'a','v':1}]|items2dict(key_name='k', value_name='v')
s|regex_replace('o','0')
s|regex_replace('(\w+) (\w+)','\2 \1')
s|regex_replace('^','x')
s|regex_replace('$','x')
s|regex_replace('O','0',ignorecase=true)
s|regex_replace('o','0',count=1)
s|regex_replace('(?P<a>H)','<\g<a>>')
s|regex_replace('z','')
s|regex_replace('l*','-')
s|regex_search('o')
s|regex_search('z')
s|regex_search('(\w+) (\w+)','\2')
s|regex_search('(\w+) (\w+)','\1','\2')
s|regex_search('(?P<a>H)','\g<a>')
s|regex_search('WORLD',ignorecase=true)
s|regex_search('z','\1')
'/a/b/c.txt'|basename
'/a/b/'|basename
''|basename
'/a/b/c.txt'|dirname
'c'|dirname
'/'|dirname
[1,2,1,'1']|unique
['a','A']|unique
['a','A']|unique(case_sensitive=false)
[{'a':1},{'a':2},{'a':1}]|unique
[{'a':1},{'a':2},{'a':1}]|unique(attribute='a')
[[1],[1]]|unique
[1,2]|union([2,3])
[[1]]|union([[1]])
[1,2,2]|union([])
[1,2,3,3]|difference([2])
[{'a':1}]|difference([{'a':1}])
[1,2,2,3]|intersect([2,3,4])
[[1,[2,[3]]],4]|flatten
[[1,[2,[3]]],4]|flatten(levels=1)
[1,n,[n]]|flatten
[1,n]|flatten(skip_nulls=false)
[]|flatten
lookup('env','LC_ALL')
lookup('env','NOPE')
lookup('env','NOPE',default='d')
lookup('file','f.txt')
lookup('file','f.txt', rstrip=false)
lookup('file','f.txt','g.txt')
query('file','f.txt','g.txt')
lookup('file','f.txt', wantlist=true)
lookup('file','f.txt','g.txt', wantlist=true)
lookup('file', 'nope.txt', errors='ignore')
lookup('file','f.txt')|from_yaml
s|ansible.builtin.b64encode
d is mapping
s is match('Hel')
s is search('wor', ignorecase=true)
l is sequence
u is defined
l|join(',')
l|join(', ')
l|map('string')|list
l|map('string')|join('-')
l|length
s|upper
s|lower
s|replace('l','L')
s|trim
s|title
s|capitalize
s|length
s|list
l|sort
l|sort(reverse=true)
l|reverse|list
l|first
l|last
l|min
l|max
l|sum
d|dictsort
d|items|list
[1,2,3,4]|batch(2)|list
[1,2,3,4]|slice(2)|list
[{'a':1},{'a':2}]|map(attribute='a')|list
[{'a':1},{'a':2}]|selectattr('a','eq',1)|list
[{'a':1},{'a':2}]|rejectattr('a','==',1)|list
[{'a':1},{'a':2}]|sum(attribute='a')
[1,2,3]|select('odd')|list
[1,2,3]|reject('odd')|list
'5'|int
'x'|int
'x'|int(7)
'1.5'|float
1.55|round(1)
1.5|round
1.5|int
-5|abs
'%s-%03d'|format('a',5)
s|wordcount
s|truncate(8)
s|center(20)
'a b'|urlencode
1024|filesizeformat
[1,2]|tojson
'x'|string
5|string
s|wordwrap(5)
'a,b'|replace(',',';')
s|reverse
{'b':1,'a':2}|dictsort
5 if s else 6
not s
1 in l
'a' in d
s ~ 5
l + [9]
{'a':1} == d
d.a + 1
d['a']
d.get('zz','q')
d.keys()|list
d.values()|list
s.split()
s.upper()
','.join(['a','b'])
l[0]
l[-1]
l[1:]
s[0:3]
3 > 2 and 2 > 1
10 // 3
10 % 3
2 ** 5
-3
1 == 1.0
'a' < 'b'
range(5)|list
range(1,10,3)|list
dict(a=1)
namespace(a=1).a
group_names
inventory_hostname
(hostvars|dict2items)|length
0|extract(l)
'a'|extract(d)
s|split
s|split('o')
l|zip([1,2,3])|list
l|zip_longest([1],fillvalue='x')|list
s|regex_findall('o')
s|regex_findall('(l)(.)')
'a.b'|regex_escape
'1.2.3' is version('1.2','>')
'1.2.3' is version('1.10.0','lt')
[1,2] is superset([1])
[1] is subset([1,2])
[1,2] is contains(1)
'abc' is regex('b')
'yes' is truthy(convert_bool=true)
0 is falsy
[1,2,3]|symmetric_difference([3,4])
['a','b']|path_join
'/a/b.tar.gz'|splitext
s|md5
s|sha1
s|checksum
[true,true] is all
[true,false] is any
[1,[2]]|flatten|sum
l|to_json|from_json
d|to_yaml|from_yaml
lookup('vars','s')
'a'|to_json|to_json
groups['all']|map('extract', hostvars, 's')|list
groups['all']|map('extract', hostvars, ['d','a'])|list
hostvars.h.s
(hostvars|dict2items)|length
'foobar'|regex_replace('^(foo)(.*)$', '\2\1')
'foobar'|regex_replace('^(foo)(.*)$', '\\2\\1')
'a.b'|regex_replace('\.', '-')
'a\nb'
'a\'b' ~ "c\"d"
'C:\dir\new'
""".strip().splitlines()

TEMPLATES = {
    **{f"t{number}": f"{{{{ {expression} }}}}" for number, expression in enumerate(EXPRESSIONS)},
    "set_in": r"{% set x = 'a\nb' %}{{ x ~ 'c\nd' }}",
    "around": r"x\n{{ l }}{{ d.a }}\t{{ n }}{{ true }}",
}
