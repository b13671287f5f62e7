// Keys and values of the tokens so far, of several sequences of unequal length, while text is generated.
import Tensors

/// Room for some sequences of up to `capacity` tokens in every attention of a model. A run reads tokens of neighbouring
/// sequences: `begin`, run a program of purpose `decoding`, `finish`.
package final class KeyValueCache: @unchecked Sendable, Equatable {
  package let sequences: Int
  package let capacity: Int
  /// The number of tokens of each sequence whose keys and values are present.
  package private(set) var counts: [Int]
  /// The first sequence of the run, and the number of tokens that it reads of each.
  private(set) var first = 0
  private(set) var lengths: [Int] = []
  private var layers: [Layer] = []

  package init(sequences: Int, capacity: Int) {
    self.sequences = sequences
    self.capacity = capacity
    counts = [Int](repeating: 0, count: sequences)
  }

  package static func == (a: KeyValueCache, b: KeyValueCache) -> Bool { a === b }

  /// Says what the next run reads.
  /// - Parameter lengths: the number of new tokens of each sequence, from `first` on.
  package func begin(first: Int, lengths: [Int]) {
    precondition(first + lengths.count <= sequences, "there is no room for so many sequences")
    for (place, length) in lengths.enumerated() {
      precondition(length > 0 && counts[first + place] + length <= capacity, "a sequence is too long")
    }
    self.first = first
    self.lengths = lengths
  }

  /// After the run: its tokens are present.
  package func finish() {
    for (place, length) in lengths.enumerated() { counts[first + place] += length }
  }

  /// Makes a sequence empty.
  package func clear(_ sequence: Int) { counts[sequence] = 0 }

  /// Moves a sequence to the place of another one, which is forgotten.
  package func move(_ source: Int, to target: Int) {
    guard source != target else { return }
    for layer in layers { layer.copy(source, to: target, count: counts[source], capacity: capacity) }
    counts[target] = counts[source]
    counts[source] = 0
  }

  /// The memory of one attention, allocated at its first use.
  func layer(_ index: Int, keyHeads: Int, headWidth: Int) -> Layer {
    while layers.count <= index {
      layers.append(
        Layer(
          memory: FlatMemory(
            count: 2 * sequences * keyHeads * capacity * headWidth, label: "key-value cache"),
          keyHeads: keyHeads, headWidth: headWidth, valueStart: sequences * keyHeads * capacity * headWidth))
    }
    return layers[index]
  }

  /// Keys, then values, each [sequences, key heads, capacity, head width]: what a query reads lies side by side.
  struct Layer {
    fileprivate let memory: FlatMemory
    let keyHeads: Int
    let headWidth: Int
    let valueStart: Int

    var base: UnsafeMutablePointer<Float> { memory.base }

    fileprivate func copy(_ source: Int, to target: Int, count: Int, capacity: Int) {
      let head = capacity * headWidth
      for start in [0, valueStart] {
        for index in 0..<keyHeads {
          (base + start + (target * keyHeads + index) * head).update(
            from: base + start + (source * keyHeads + index) * head, count: count * headWidth)
        }
      }
    }
  }
}
