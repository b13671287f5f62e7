// What the random draws of a micro-batch depend on, beside its samples.

package struct BatchDraw: Sendable {
  package var seed: UInt64
  /// From 1 while a model is trained; 0 where it is measured.
  package var step: Int

  package init(seed: UInt64, step: Int) { (self.seed, self.step) = (seed, step) }

  /// Where a model is measured, draws are the same each time.
  package static let none = BatchDraw(seed: 0, step: 0)
}
