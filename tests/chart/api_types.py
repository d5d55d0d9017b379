"""Checks Kubernetes objects against the API's declared types (TypeScript declarations generated from
the OpenAPI documents): unknown and missing fields, wrong types, values outside an enumeration, kinds
and API versions that a Kubernetes version does not have."""
import pathlib
import re

INTERFACE = re.compile(r"export (?:declare )?interface (\w+)(?: extends [\w, ]+)?\s*\{")
ALIAS = re.compile(r"export type (\w+)\s*=\s*([^;]+);")
IMPORT = re.compile(r"import (?:type )?\{([^}]*)\} from \"([^\"]+)\"")
REEXPORT = re.compile(r"export type \{([^}]*)\}")
TOKEN = re.compile(r"\s*(\"(?:[^\"\\]|\\.)*\"|\w+|[{}\[\]<>|?:;,])")


# Gone from every Kubernetes since 1.25; one of the packages still declares some.
DEAD = {"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "policy/v1beta1",
        "networking.k8s.io/v1beta1", "rbac.authorization.k8s.io/v1beta1", "batch/v1beta1",
        "rbac.authorization.k8s.io/v1alpha1", "autoscaling/v2beta1", "autoscaling/v2beta2"}


class Unreadable(Exception):
    pass


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def body_at(text, start):
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position + 1]
    raise Unreadable("unbalanced braces")


class TypeReader:
    """A recursive-descent reader of the few forms of types the declarations use."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.at = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted=None):
        token = self.peek()
        if wanted is not None and token != wanted:
            raise Unreadable(f"{token!r} where {wanted!r} was expected")
        self.at += 1
        return token

    def union(self):
        parts = [self.single()]
        while self.peek() == "|":
            self.take()
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else ("union", parts)

    def single(self):
        token = self.peek()
        if token == "{":
            return self.object()
        self.take()
        if token.startswith('"'):
            return ("literal", token[1:-1])
        if token == "Array":
            self.take("<")
            inner = self.union()
            self.take(">")
            return ("array", inner)
        if token == "Record":
            self.take("<")
            self.union()
            self.take(",")
            inner = self.union()
            self.take(">")
            return ("map", inner)
        while self.peek() == "[":
            self.take()
            self.take("]")
            return ("array", ("name", token))
        return ("name", token)

    def object(self):
        self.take("{")
        fields = {}
        while self.peek() != "}":
            if self.peek() == "readonly":
                self.take()
            if self.peek() == "[":
                while self.take() != "]":
                    pass
                self.take(":")
                inner = self.union()
                if self.peek() == ";":
                    self.take()
                self.take("}")
                return ("map", inner)
            name = self.take().strip('"')
            optional = self.peek() == "?"
            if optional:
                self.take()
            self.take(":")
            fields[name] = (self.union(), optional)
            if self.peek() in (";", ","):
                self.take()
        self.take("}")
        return ("object", fields)


class ApiTypes:
    """The types of one Kubernetes version, out of the folders of its packages."""

    def __init__(self, folders):
        self.modules = {}  # file: {name: type text or (module, name)}
        self.imports = {}
        self.parsed = {}
        self.public = {}  # names that are unique everywhere (kubernetes-models)
        for folder in folders:
            for path in sorted(pathlib.Path(folder).rglob("*.d.ts")):
                self.read(path)
        self.kinds = {}
        for path, names in self.modules.items():
            for name, text in names.items():
                version = re.search(r"\"?apiVersion\"?\??: \"([^\"]+)\"", text)
                kind = re.search(r"\"?kind\"?\??: \"([^\"]+)\"", text)
                if version and kind:
                    self.kinds[(version.group(1), kind.group(1))] = (path, name)

    def read(self, path):
        text = strip_comments(path.read_text())
        names = {}
        for match in INTERFACE.finditer(text):
            names[match.group(1)] = body_at(text, match.end() - 1)
        for match in ALIAS.finditer(text):
            names[match.group(1)] = match.group(2)
        self.modules[path] = names
        imports = {}
        for match in IMPORT.finditer(text):
            if match.group(2).startswith("."):
                target = (path.parent / match.group(2)).with_suffix("") if match.group(2).endswith(
                    ".js") else path.parent / match.group(2)
                file = pathlib.Path(f"{target}.d.ts").resolve()
                for name in match.group(1).split(","):
                    imports[name.split(" as ")[-1].strip()] = (file, name.split(" as ")[0].strip())
        self.imports[path] = imports
        for match in REEXPORT.finditer(text):
            for part in match.group(1).split(","):
                if " as " in part:
                    local, public = part.strip().split(" as ")
                    self.public[public.strip()] = (path, local.strip())

    def resolve(self, path, name):
        if name in self.modules[path]:
            return path, name
        if name in self.public:
            return self.public[name]
        if name in self.imports[path]:
            file, original = self.imports[path][name]
            if file in self.modules:
                return file, original
        raise Unreadable(f"{name} in {path}")

    def type_of(self, path, name):
        if (path, name) not in self.parsed:
            self.parsed[(path, name)] = TypeReader(self.modules[path][name]).union()
        return self.parsed[(path, name)]

    def check(self, value, kind, path, where):
        """Errors of a value; null is what an absent field is."""
        what, detail = kind
        if what == "name":
            return self.check_name(value, detail, path, where)
        if what == "literal":
            return [] if value == detail else [f"{where}: {value!r} is not {detail!r}"]
        if what == "union":
            if any(not self.check(value, part, path, where) for part in detail):
                return []
            return [f"{where}: {value!r} is none of {[d[1] for d in detail]}"]
        if what == "array":
            if not isinstance(value, list):
                return [f"{where}: {value!r} is no list"]
            return [e for i, v in enumerate(value) for e in self.check(v, detail, path, f"{where}[{i}]")]
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no map"]
        if what == "map":
            return [e for k, v in value.items() for e in self.check(v, detail, path, f"{where}.{k}")]
        return self.check_fields(value, detail, path, where)

    def check_fields(self, value, fields, path, where):
        errors = []
        for name, (kind, optional) in fields.items():
            if value.get(name) is None:
                if not optional and name not in ("apiVersion", "kind"):
                    errors.append(f"{where}.{name}: missing")
            else:
                errors += self.check(value[name], kind, path, f"{where}.{name}")
        errors += [f"{where}.{name}: no such field" for name in value if name not in fields]
        return errors

    def check_name(self, value, name, path, where):
        plain = {"string": str, "boolean": bool, "any": object, "unknown": object, "object": dict}
        if name == "number":
            good = isinstance(value, (int, float)) and not isinstance(value, bool)
        elif name in plain:
            good = isinstance(value, plain[name])
        else:
            module, original = self.resolve(path, name)
            if original.endswith("Quantity") and isinstance(value, (int, float, str)):
                return []
            return self.check(value, self.type_of(module, original), module, where)
        return [] if good else [f"{where}: {value!r} is no {name}"]

    def validate(self, thing):
        """Errors of a whole object."""
        where = f"{thing.get('kind')}/{(thing.get('metadata') or {}).get('name')}"
        found = self.kinds.get((thing.get("apiVersion"), thing.get("kind")))
        if found is None or thing.get("apiVersion") in DEAD:
            return [f"{where}: no {thing.get('apiVersion')} {thing.get('kind')}"]
        return self.check(thing, self.type_of(*found), found[0], where)
