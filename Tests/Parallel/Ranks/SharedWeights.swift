// The weights of a model that nobody trains lie once on a host, in every storage, and are what one rank would read.
import Base
import Foundation
import Graph
import Kernels
import Models
import Recipes
import Tensors
import Training

func checkSharedWeights(_ outcome: inout Outcome, model: String) throws {
  let description = try ModelDescription(folder: model).adapted(by: NoFineTuning())
  let reader = RandomWeights(description.layout, seed: 3)
  let storages: [FrozenStorage] = [.float32, .bfloat16, .int8, .nf4(doubleQuantization: true)]
  let forms =
    storages.map { FrozenForm(projections: $0) } + [
      FrozenForm(projections: .nf4(doubleQuantization: false), embeddings: .int8)
    ]
  for form in forms {
    for shares in [true, false] {
      var settings = ModelSettings()
      settings.frozen = form
      settings.parallel.sharesWeights = shares
      let mappings = sharedMappings()
      let store = WeightStore.readOnly(description, settings, ranks: outcome.ranks)
      guard let frozen = store.frozen else {
        outcome.expect(false, "nothing is frozen")
        continue
      }
      try frozen.fill(from: reader) { tiles, body in (0..<tiles).forEach(body) }
      outcome.ranks.barrier()
      let isShared = shares && outcome.ranks.count > 1
      let new = sharedMappings() - mappings
      outcome.expect(
        isShared ? new >= frozen.plan.bytes : new == 0,
        "\(form): \(new) shared bytes of \(frozen.plan.bytes), sharing: \(shares)")
      outcome.expect(store.trained.layout.count == 0, "something is trained")

      let alone = WeightStore(description, type: .float32, form: form)
      try alone.frozen?.fill(from: reader) { tiles, body in (0..<tiles).forEach(body) }
      for (index, parameter) in description.layout.parameters.enumerated() {
        func numbers(_ store: WeightStore) -> [Float] {
          var values = [Float](repeating: .nan, count: parameter.range.count)
          values.withUnsafeMutableBufferPointer {
            store.frozen?.read(index, 0..<parameter.range.count, into: $0.baseAddress!)
          }
          return values
        }
        let (own, shared) = (numbers(alone), numbers(store))
        outcome.expect(own == shared, "\(form): \(parameter.spec.name)")
      }
      // Nobody's memory goes while another still reads it.
      outcome.ranks.barrier()
      withExtendedLifetime(store) {}
    }
  }
}

/// The bytes of frozen weights that this process maps and others may map too. Foundation reads only the beginning of a
/// file that has no size.
private func sharedMappings() -> Int {
  guard let file = fopen("/proc/self/maps", "r") else { return 0 }
  defer { fclose(file) }
  var sum = 0
  var bytes = [CChar](repeating: 0, count: 8192)
  while fgets(&bytes, Int32(bytes.count), file) != nil {
    let line = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard line.contains("/swiftdp-frozen-") else { continue }
    let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { Int($0, radix: 16) }
    if bounds.count == 2 { sum += bounds[1] - bounds[0] }
  }
  return sum
}
