#!/usr/bin/python3
#
# inventory.py
#		Compares inventories by eyes that are not ours: PyYAML and Ansible's
#		own listing.  For 030_inventory_roundtrip.pl and 031_ansible.pl.
#
#	inventory.py documents [--secrets] IN.yml OUT.yml ...
#		what was declared against what came out, as parsed by PyYAML
#	inventory.py listings [--secrets] IN.json OUT.json ...
#		two outputs of ansible-inventory --list
#	inventory.py odd SEED COUNT
#		an inventory of one group with that many variables of any shape, as JSON
#	inventory.py odd-compare SEED COUNT OUT.yml
#		the same against what came out
#
# Files come in pairs.  Prints a line for each difference ("path: what"), and at
# the end of each pair "FILE: N values, N secrets"; exits with 1 if there was a
# difference.
#
# A secret must come out as ********, or with --secrets as it was declared, but
# the password of a role as a SCRAM verifier of it.
import base64
import hashlib
import hmac
import json
import random
import re
import sys

import yaml

MASK = '********'

# what has to be a secret, and what may be taken for one, by the name of its key or
# as a value that has none
SECRET = re.compile(r'(password|passwd|cipher_pass|secret_?key|key_secret|_secret)$', re.I)
DOUBTFUL = re.compile(r'pass|secret|token|key|url|crypt|auth', re.I)
DOUBTFUL_PLACE = re.compile(r'\.nginx_users\.|hba_rules\[\d+\](\.rules\[\d+\])?$')
NO_SECRET = re.compile(r'^(access_key|minio_access_key)$')

ROLE_PASSWORD = re.compile(r'(^|\.)(pg_users|pg_default_roles)\[\d+\]\.password$'
                           r'|(^|\.)pg_(admin|dbsu|monitor|replication)_password$')


def verifies(verifier, password):
    """whether a SCRAM verifier is one of this password"""
    found = re.fullmatch(r'SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)', verifier)
    if not found:
        return False
    iterations, salt, stored, server = found.groups()
    salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(salt),
                                 int(iterations))
    client_key = hmac.digest(salted, b'Client Key', 'sha256')
    return (base64.b64decode(stored) == hashlib.sha256(client_key).digest() and
            base64.b64decode(server) == hmac.digest(salted, b'Server Key', 'sha256'))


class Comparison:
    def __init__(self, secrets, ordered):
        self.with_secrets = secrets
        self.ordered = ordered
        self.differences = []
        self.values = 0
        self.secrets = 0

    def differ(self, path, expected, got):
        # a secret that came out must not land in a log of the test either
        self.differences.append('%s: %.100r became %.100r' % (path, expected, got))

    def secret(self, path, expected, got):
        plain = str(expected)
        self.secrets += 1
        if not self.with_secrets:
            good = got == MASK
        elif ROLE_PASSWORD.search(path):
            good = got == plain or not re.match('SCRAM-|md5', plain) and verifies(got, plain)
            good = good and re.match('SCRAM-|md5', got)
        else:
            good = got == plain
        if not good:
            self.differ(path, expected, got)

    def scalar(self, path, key, expected, got):
        self.values += 1
        filled = expected not in (None, '') and not isinstance(expected, bool)
        if filled and SECRET.search(key) and not NO_SECRET.search(key):
            self.secret(path, expected, got)
        elif filled and got == MASK and (DOUBTFUL.search(key) or
                                         DOUBTFUL_PLACE.search(path)):
            self.secret(path, expected, got)
        elif type(expected) is not type(got) or repr(expected) != repr(got):
            self.differ(path, expected, got)

    def value(self, path, key, expected, got):
        if isinstance(expected, dict) and isinstance(got, dict):
            names, others = list(expected), list(got)
            if not self.ordered:
                names, others = sorted(names, key=str), sorted(others, key=str)
            if [(type(n), n) for n in names] != [(type(n), n) for n in others]:
                self.differ(path + ' (keys)', names, others)
            for name in names:
                if name in got:
                    self.value('%s.%s' % (path, name) if path else str(name), str(name),
                               expected[name], got[name])
        elif isinstance(expected, list) and isinstance(got, list):
            if len(expected) != len(got):
                self.differ(path + ' (length)', len(expected), len(got))
            for i, (item, other) in enumerate(zip(expected, got)):
                self.value('%s[%d]' % (path, i), key, item, other)
        else:
            self.scalar(path, key, expected, got)


def without_nulls(groups):
    """a host, or a part of a group, without anything is {} or null: the same"""
    for group in (groups or {}).values():
        if not isinstance(group, dict):
            continue
        for part in ('hosts', 'children', 'vars'):
            if part in group and not group[part]:
                del group[part]
        hosts = group.get('hosts', {})
        for host in hosts:
            hosts[host] = hosts[host] or {}
        without_nulls(group.get('children'))
    return groups


def sorted_lists(listing):
    """hosts and children of groups are sets"""
    for name, group in listing.items():
        if name != '_meta':
            for part in ('hosts', 'children'):
                if part in group:
                    group[part] = sorted(group[part])
    return listing


# ---- trees of any shape -------------------------------------------------------

WORDS = '''yes no on off true False TRUE y n Y null ~ Null = << - -- --- ... ---- --- -x --flag
? ?q a?b a:b a: ::1 fd00::/8 #c a# a,b [x] {x} a] &a *a !t | > ' " %d @a `b` 0755 0o17 0x1F 0x_ 0b101
0b_ 1_000 1:20 1:20:30 1:99 12:34:56.5 1e3 1E5 1.5e+3 1. .5 ._ . .e1 +1 -1 +.5 .inf -.INF .NaN nan
2030-12-31 2030-1-1 20301231 10.10.10.10 10.10.10.10/24 4.5.0 v1 0 00 08 0_ -0 1-2 $x C:\\x !!str - <
<<x =x '' -, -] http://h:80/p?q=1&x=[y] ${admin_ip} SCRAM-SHA-256$4096:abc==$x=:y= \\n x' it's'''.split(' ')
WORDS = [w for line in WORDS for w in line.split('\n')] + [
    '', ' lead', 'trail ', 'a b', 'a: b', 'a #b', '- x', '{{ a | b }}', 'say "x"', 'both \' "',
    '2001-12-14t21:59:43.10-05:00', '2001-12-14 21:59:43', 'a\nb', 'a\nb\n', 'a\n\n', '\n', '\na',
    'a\n b\n', '  a\nb', '\ta\nb', 'a\tb', 'a \nb', 'a\r\nb', '# a\n---\n...\n', '\x01', '\x7f',
    '\x85', '\xa0', '\u2028', '\ufeff', '\ufffe', '\u202ea', '\U0001f418', '象', 'ü: ß',
    'x' * 150, 'many words in one text ' * 9, '00 01 * * * /bin/true', '9' * 30]
CHARACTERS = list('ab01 -:#,[]{}&*!|>\'"%@`?=<~.+_eE\n\t\\/') + ['\x02', 'é', '\u2028', '\x85']
NUMBERS = [0, 1, -1, 493, 2**31, 2**53 + 1, 2**63 - 1, -2**63, 0.5, 1.0, 1e20, 1e300, 5e-324, 0.1]


def odd_text(dice):
    if dice.random() < 0.7:
        return dice.choice(WORDS)
    return ''.join(dice.choice(CHARACTERS) for _ in range(dice.randint(0, 8)))


def odd_key(dice):
    if dice.random() < 0.1:
        return str(dice.randint(0, 99999))
    if dice.random() < 0.02:
        return 'b' * dice.choice([120, 999, 1000, 1022]) + dice.choice(['', ' #'])
    key = odd_text(dice)
    return 'b' if DOUBTFUL.search(key) else key


def odd_value(dice, depth):
    what = dice.random()
    if depth > 0 and what < 0.35:
        return [odd_value(dice, depth - 1) for _ in range(dice.randint(0, 4))]
    if depth > 0 and what < 0.7:
        return {odd_key(dice): odd_value(dice, depth - 1) for _ in range(dice.randint(0, 4))}
    what = dice.random()
    if what < 0.75:
        return odd_text(dice)
    if what < 0.85:
        return dice.choice([None, True, False])
    return dice.choice(NUMBERS)


def odd_inventory(seed, count):
    dice = random.Random(seed)
    variables = {'v%d' % i: odd_value(dice, 4) for i in range(count)}
    return {'all': {'children': {'odd': {'hosts': {'10.9.9.9': {}}, 'vars': variables}}}}


def whole_keys(value):
    """what is a whole number is a number to PyYAML, also as a key"""
    if isinstance(value, dict):
        return {int(key) if re.fullmatch('0|-?[1-9][0-9]*', key) else key: whole_keys(item)
                for key, item in value.items()}
    if isinstance(value, list):
        return [whole_keys(item) for item in value]
    return value


# ---- commands -------------------------------------------------------------------

def load_yaml(path):
    with open(path, encoding='utf-8') as file:
        return without_nulls(yaml.safe_load(file))


def load_listing(path):
    with open(path, encoding='utf-8') as file:
        return sorted_lists(json.load(file))


def compare(name, expected, got, secrets, ordered):
    comparison = Comparison(secrets, ordered)
    comparison.value('', '', expected, got)
    for difference in comparison.differences:
        print(difference)
    print('%s: %d values, %d secrets' % (name, comparison.values, comparison.secrets))
    return not comparison.differences


def main(arguments):
    command, arguments = arguments[0], arguments[1:]
    if command == 'odd':
        sys.stdout.buffer.write(json.dumps(odd_inventory(int(arguments[0]), int(arguments[1])),
                                           ensure_ascii=False).encode())
        return True
    if command == 'odd-compare':
        expected = whole_keys(odd_inventory(int(arguments[0]), int(arguments[1])))
        return compare('odd', without_nulls(expected), load_yaml(arguments[2]), False, True)

    secrets = arguments[0] == '--secrets'
    files = arguments[1:] if secrets else arguments
    load, ordered = {'documents': (load_yaml, True), 'listings': (load_listing, False)}[command]
    same = True
    for expected, got in zip(files[::2], files[1::2]):
        same &= compare(expected, load(expected), load(got), secrets, ordered)
    return same


sys.exit(0 if main(sys.argv[1:]) else 1)
