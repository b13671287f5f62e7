// Keys and values of the tokens so far, one range per layer, while text is generated.
import Tensors

/// Room for `capacity` tokens of one sequence in every attention of a model.
package final class KeyValueCache {
  package let capacity: Int
  /// The number of tokens whose keys and values are present.
  package var count = 0
  private var layers: [FlatMemory] = []

  package init(capacity: Int) { self.capacity = capacity }

  /// The memory of one attention, [capacity, columns], allocated at its first use.
  func layer(_ index: Int, columns: Int) -> UnsafeMutablePointer<Float> {
    while layers.count <= index {
      layers.append(FlatMemory(count: capacity * columns, label: "key-value cache"))
    }
    return layers[index].base
  }
}
