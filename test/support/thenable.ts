/**
 * A thenable of somebody else: no promise, only an object with a `then`. Made in one place, because an
 * object that has one by accident is a fault, and is looked for.
 */
export function thenable<Value>(
  then: (resolve: (value: Value) => void) => void,
): PromiseLike<Value> {
  const object = {};
  Reflect.set(object, 'then', then);
  return object as PromiseLike<Value>; // as far as `await` looks at it
}
