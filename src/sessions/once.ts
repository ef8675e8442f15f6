/**
 * A promise that is settled from outside, once.
 */
export class Once<Value> {
  readonly promise: Promise<Value>;
  isDone = false;
  private settleWith: ((value: Value) => void) | undefined = undefined;
  private failWith: ((reason: unknown) => void) | undefined = undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.settleWith = resolve;
      this.failWith = reject;
    });
  }

  resolve(value: Value): void {
    this.isDone = true;
    this.settleWith?.(value);
    this.settleWith = this.failWith = undefined;
  }

  reject(reason: unknown): void {
    this.isDone = true;
    this.failWith?.(reason);
    this.settleWith = this.failWith = undefined;
  }
}
