// The memory of keys and values while texts are continued.
import Graph
import Models

extension Generator {
  /// Bytes of the keys and values of so many texts of so many tokens.
  package static func cacheBytes(_ description: ModelDescription, texts: Int, capacity: Int) -> Int {
    Graph.attentions { _ = description.family.forward($0) }.reduce(0) {
      $0 + 2 * $1.keyHeads * $1.headWidth * MemoryLayout<Float>.stride
    } * texts * capacity
  }
}
