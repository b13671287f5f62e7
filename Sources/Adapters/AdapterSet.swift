// Several LoRA adapters that are trained beside each other on one base, each as it would be in a run of its own: the
// products of the base are computed once for the rows of all of them (mLoRA, Ye et al. 2024, arXiv 2312.02515).
import Base
import Graph
import Tensors

/// What the adapters of a run are together. A recipe makes it of `adapters`.
package struct AdapterSet: Method {
  package static let name = "several_adapters"

  package struct Member: Sendable {
    package let name: String
    package let lora: LoRA
    /// What messages about it name.
    package let place: String

    package init(name: String, lora: LoRA, place: String) {
      self.name = name
      self.lora = lora
      self.place = place
    }
  }

  package let members: [Member]

  package init(_ members: [Member]) { self.members = members }

  /// Not by a name: it is made of other methods.
  package init(_ settings: Section) { members = [] }

  package var settings: JSON {
    .object([
      "name": .string(Self.name),
      "adapters": .array(
        members.map { .object(members: [("name", .string($0.name)), ("method", $0.lora.settings)]) }),
    ])
  }

  package var beginsAsBase: Bool { true }

  /// adapter_config.json of each adapter.
  package func configs(of model: AdaptedModel, base: String) throws -> [(name: String, config: JSON)] {
    try members.map { ($0.name, try $0.lora.config(of: model, base: base)) }
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let problems = Problems()
    let found = members.compactMap { member -> AdapterMember? in
      let own = Problems()
      let adaptation = own.collect { try member.adaptation(of: model) }
      for var error in own.errors {
        if error.place.hasPrefix("method") {
          error.place = member.place + "." + error.place
        }
        problems.add(error)
      }
      return adaptation.map { AdapterMember(name: member.name, adaptation: $0) }
    }
    try problems.throwIfAny()
    return Terms(members: found)
  }

  /// The terms of all adapters, or of one of them for all rows.
  struct Terms: Adaptation {
    let members: [AdapterMember]

    func trains(_ parameter: String) -> Bool { false }

    func rateFactor(of parameter: String, isVector: Bool) -> Double {
      guard let (adapter, own) = AdapterMember.parts(of: parameter),
        let member = members.first(where: { $0.name == adapter })
      else { return 1 }
      return member.adaptation.rateFactor(of: own, isVector: isVector)
    }
  }
}

extension AdapterSet.Member {
  /// - Throws: also where the adapter would train what all of them share.
  fileprivate func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let (_, saved) = try lora.modules(of: model)
    guard saved.isEmpty, !lora.partsHead(of: model) else {
      throw UserError(
        .usage, "trains \(saved.first ?? "the head") as a whole, which all adapters share", at: "method",
        hint: "a run of its own can")
    }
    return try lora.adaptation(of: model)
  }
}

extension Adaptation {
  /// One of several adapters alone, for all rows of a batch.
  package func only(_ member: Int) -> any Adaptation { AdapterSet.Terms(members: [members[member]]) }
}
