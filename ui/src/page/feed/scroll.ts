// The Keeper keeps what is being read where it is: at the end when the end is in sight,
// else the first row in sight stays in its place, whatever comes, goes or changes its size.

// So near to the end counts as being there.
const nearEnd = 100;

export class Keeper {
  atEnd = true;
  private anchor: { readonly el: Element; readonly top: number } | null = null;
  // The newest was asked for, and isn't in the list yet.
  private wish = false;
  private lower = false; // the end of what there is will do until then
  private attached = true;
  private left = 0; // where the list stood when it was last looked at

  constructor(readonly log: HTMLElement, private readonly list: HTMLElement) {}

  // entered is for another room: one comes in at its end.
  entered(): void {
    this.atEnd = true;
    this.anchor = null;
  }

  // drawn is for after each drawing.
  drawn(attached: boolean): void {
    this.attached = attached;
    const { lower } = this;
    this.lower = false;
    if (lower && !attached) {
      this.log.scrollTop = this.log.scrollHeight;
      this.note();
      return;
    }
    this.settle();
  }

  private settle(): void {
    if (this.scrolledAway()) this.atEnd = false;
    if (this.attached && (this.atEnd || this.wish)) {
      this.wish = false;
      this.jump();
      return;
    }
    const { anchor } = this;
    if (anchor?.el.isConnected) {
      const moved = anchor.el.getBoundingClientRect().top - this.top() - anchor.top;
      if (Math.abs(moved) >= 0.5) this.log.scrollTop += moved;
    }
    this.note();
  }

  // resized is for whenever sizes have changed.
  resized(): void {
    this.settle();
  }

  // note looks where one is, after a scroll.
  note(): void {
    this.atEnd = this.attached && this.below() <= nearEnd;
    this.anchor = this.atEnd ? null : this.firstInSight();
    this.left = this.log.scrollTop;
  }

  toEnd(): void {
    this.wish = this.lower = !this.attached;
    if (this.attached) this.jump();
  }

  // show brings a row into the middle.
  show(row: HTMLElement): void {
    this.wish = this.lower = this.atEnd = false;
    const box = row.getBoundingClientRect();
    this.log.scrollTop += box.top - this.top() - Math.max(0, (this.log.clientHeight - box.height) / 2);
    this.note();
  }

  above(): number {
    return this.log.scrollTop;
  }

  below(): number {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  private jump(): void {
    this.atEnd = true;
    this.anchor = null;
    this.log.scrollTop = this.log.scrollHeight;
    this.left = this.log.scrollTop;
  }

  // A drawing may come between somebody's scroll and the event that tells of it. Only a
  // reader moves away from the end: rows that go leave the list standing at it.
  private scrolledAway(): boolean {
    return this.atEnd && this.log.scrollTop < this.left - 2 && this.below() > nearEnd;
  }

  private top(): number {
    return this.log.getBoundingClientRect().top;
  }

  // firstInSight is found by halving: rows stand in the order of their places. It is a
  // message: a day moves up when earlier messages of it come.
  private firstInSight(): { el: Element; top: number } | null {
    const edge = this.top();
    const rows = this.list.children;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle;
      else low = middle + 1;
    }
    while (low < rows.length - 1 && !rows[low]?.classList.contains("message")) low++;
    const el = rows[low];
    return el ? { el, top: el.getBoundingClientRect().top - edge } : null;
  }
}
