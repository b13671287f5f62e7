// Keys and values of the tokens so far, of several sequences of unequal length, while text is generated.
import Tensors

/// Room for some sequences of up to `capacity` tokens in every attention of a model, and for their sources of up to
/// `sourceCapacity` tokens in every attention to a source. A run reads tokens of neighbouring
/// sequences: `begin`, run a program of purpose `decoding`, `finish`.
package final class KeyValueCache: @unchecked Sendable, Equatable {
  package let sequences: Int
  package let capacity: Int
  package let sourceCapacity: Int
  /// Keys and values that stand before those of every sequence's tokens; `capacity` counts them.
  package let prefix: Int
  /// The number of keys of each sequence that are present, its prefix included.
  package private(set) var counts: [Int]
  /// The first sequence of the run, and the number of tokens that it reads of each.
  private(set) var first = 0
  private(set) var lengths: [Int] = []
  private var layers: [Layer?] = []

  package init(sequences: Int, capacity: Int, sourceCapacity: Int = 0, prefix: Int = 0) {
    self.sequences = sequences
    self.capacity = capacity
    self.sourceCapacity = sourceCapacity
    self.prefix = prefix
    counts = [Int](repeating: prefix, count: sequences)
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
  package func clear(_ sequence: Int) { counts[sequence] = prefix }

  /// Whether the run reads the first tokens of a sequence.
  var begins: Bool { lengths.indices.contains { counts[first + $0] == prefix } }

  /// Copies a sequence to the place of another one, which is forgotten.
  package func copy(_ source: Int, to target: Int) {
    guard source != target else { return }
    for layer in layers { layer?.copy(source, to: target, count: counts[source]) }
    counts[target] = counts[source]
  }

  /// The memory of one attention, allocated at its first use.
  func layer(_ index: Int, keyHeads: Int, headWidth: Int, isOfSource: Bool = false) -> Layer {
    if layers.count <= index {
      layers += [Layer?](repeating: nil, count: index + 1 - layers.count)
    }
    if let layer = layers[index] { return layer }
    let layer = Layer(
      sequences: sequences, keyHeads: keyHeads, capacity: isOfSource ? sourceCapacity : capacity,
      headWidth: headWidth, isOfSource: isOfSource)
    layers[index] = layer
    return layer
  }

  /// Keys, then values, each [sequences, key heads, capacity, head width]: what a query reads lies side by side.
  struct Layer {
    private let memory: FlatMemory
    private let keyHeads: Int
    private let capacity: Int
    private let headWidth: Int
    private let isOfSource: Bool
    let valueStart: Int

    fileprivate init(sequences: Int, keyHeads: Int, capacity: Int, headWidth: Int, isOfSource: Bool) {
      valueStart = sequences * keyHeads * capacity * headWidth
      memory = FlatMemory(count: 2 * valueStart, label: "key-value cache")
      self.keyHeads = keyHeads
      self.capacity = capacity
      self.headWidth = headWidth
      self.isOfSource = isOfSource
    }

    var base: UnsafeMutablePointer<Float> { memory.base }

    /// - Parameter count: of the sequence's own tokens; a source is copied as a whole.
    fileprivate func copy(_ source: Int, to target: Int, count: Int) {
      let head = capacity * headWidth
      for start in [0, valueStart] {
        for index in 0..<keyHeads {
          (base + start + (target * keyHeads + index) * head).update(
            from: base + start + (source * keyHeads + index) * head,
            count: isOfSource ? head : count * headWidth)
        }
      }
    }
  }
}
