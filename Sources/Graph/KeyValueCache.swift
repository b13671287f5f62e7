// Keys and values of the tokens so far, one stretch a layer, while text is generated.
import Tensors

/// Room for `capacity` tokens of one sequence in every attention of a model.
package final class KeyValueCache {
  package let capacity: Int
  /// Tokens whose keys and values are there.
  package var count = 0
  private var layers: [FlatMemory] = []

  package init(capacity: Int) { self.capacity = capacity }

  /// The memory of an attention, [capacity, columns], made at its first use.
  func layer(_ index: Int, columns: Int) -> UnsafeMutablePointer<Float> {
    while layers.count <= index {
      layers.append(FlatMemory(count: capacity * columns, label: "key-value cache"))
    }
    return layers[index].base
  }
}
