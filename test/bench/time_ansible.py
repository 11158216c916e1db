"""What ansible-inventory needs for a file, and what of that for reading it.

    python3 time_ansible.py FILE

Prints a name and a number per line: total, start (with an empty inventory),
parse (reading the file into Ansible's inventory, in this process), yaml (the YAML
library alone, with the loader that Ansible chooses: the one in C where there is
one), all in ms; memory in MB (peak of the program).  parse and yaml are left out
where this Python has no Ansible.

Not for: comparing what they say (test/t/031_ansible.pl).
"""
import os
import resource
import subprocess
import sys
import tempfile
import time


def milliseconds(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return (time.perf_counter() - started) * 1000


def run(path):
    subprocess.run(["ansible-inventory", "-i", path, "--list"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def report(name, value):
    print(f"{name} {value:.1f}", flush=True)


def main():
    path = sys.argv[1]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as empty:
        empty.write("all: {}\n")
        empty.flush()
        report("start", milliseconds(run, empty.name))
    report("total", milliseconds(run, path))
    report("memory", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)

    try:
        from ansible.inventory.manager import InventoryManager
        from ansible.parsing.dataloader import DataLoader
        from ansible.parsing.yaml.loader import AnsibleLoader
        from ansible.plugins.loader import inventory_loader
    except ImportError:
        return
    # the plug-ins are found and imported at the first use
    list(inventory_loader.all(class_only=True))
    # its warnings are about names that it would rather have otherwise
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    report("parse", milliseconds(
        lambda: InventoryManager(loader=DataLoader(), sources=[path])))
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    report("yaml", milliseconds(lambda: AnsibleLoader(text, path).get_single_data()))


main()
