/**
 * Values for a JSON schema, as zod writes it: mostly such as it takes, its bounds among them, and at every
 * place now and then something that it does not.
 */
import fc from 'fast-check';

export interface JsonSchema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

/** Few, so that requests meet each other's sessions. */
const NAMES = ['a', 'b', 'c', 'd', 'é "%/', 'constructor', '__proto__'];
const LONGEST = 300;

const unit = fc.nat(0xffff).map((code) => String.fromCharCode(code));
const anyText = fc.string({ unit, maxLength: LONGEST });
const wrong = fc.oneof(
  fc.constantFrom<unknown>(null, '', '\0', -1, 0, 1.5, 2 ** 31, 1e308, true, [], {}, [[]], 'true'),
  fc.jsonValue({ maxDepth: 2 }),
  anyText,
);

export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: rightFor(schema) }, { weight: 1, arbitrary: wrong });
}

function rightFor(schema: JsonSchema): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  switch (schema.type) {
    case 'string':
      return texts(schema);
    case 'integer':
    case 'number':
      return numbers(schema);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return lists(schema);
    case 'object':
      return objects(schema);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function texts({ maxLength = LONGEST }: JsonSchema): fc.Arbitrary<string> {
  const longest = fc.constantFrom('x'.repeat(maxLength), 'x'.repeat(maxLength + 1));
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...NAMES) },
    { weight: 1, arbitrary: anyText },
    { weight: 1, arbitrary: longest },
  );
}

function numbers({ minimum = -(2 ** 31), maximum = 2 ** 31 }: JsonSchema): fc.Arbitrary<number> {
  const bounds = fc.constantFrom(minimum, maximum, minimum - 1, maximum + 1);
  const [min, max] = [Math.max(minimum, -(2 ** 31)), Math.min(maximum, 2 ** 31 - 1)];
  return fc.oneof(bounds, fc.integer({ min, max }), fc.integer({ min, max: Math.min(max, 100) }));
}

function lists({ prefixItems = [], items }: JsonSchema): fc.Arbitrary<unknown[]> {
  const rest = items ? fc.array(valuesOf(items), { maxLength: 5 }) : fc.constant([]);
  return fc
    .tuple(fc.tuple(...prefixItems.map(valuesOf)), rest)
    .map(([first, others]) => [...first, ...others]);
}

/** Every property may be missing. */
function objects({ properties = {}, additionalProperties }: JsonSchema): fc.Arbitrary<object> {
  const named = Object.entries(properties).map(([name, one]) => [name, valuesOf(one)]);
  const known = fc.record(Object.fromEntries(named), { requiredKeys: [] });
  const others = fc.dictionary(
    fc.constantFrom(...NAMES, 'agent', 'exec'),
    typeof additionalProperties === 'object' ? valuesOf(additionalProperties) : wrong,
    { maxKeys: 3 },
  );
  if (typeof additionalProperties === 'object') return others;
  const more = fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: others },
  );
  return fc.tuple(known, more).map(([one, other]) => ({ ...one, ...other }));
}
