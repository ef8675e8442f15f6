/**
 * The beginning of what was printed to one stream: so many characters and no more, however many come.
 */
export class PrintedText {
  private readonly longest: number;
  private kept = '';
  private hasMore = false;

  constructor(longest: number) {
    this.longest = longest;
  }

  get text(): string {
    return this.kept;
  }

  /** More was printed than is kept. */
  get isCut(): boolean {
    return this.hasMore;
  }

  add(text: string): void {
    const room = this.longest - this.kept.length;
    this.hasMore ||= text.length > room;
    if (room > 0) this.kept += text.slice(0, room);
  }
}
