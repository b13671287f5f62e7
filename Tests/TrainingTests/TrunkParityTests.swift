// Several tasks over one trunk against PyTorch: the loss of a step, its gradient, and five steps of AdamW.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Objectives
import Testing
import Training

@Suite struct TrunkParityTests {
  static let names = ["topic-entities", "answers-score", "text-topic"]

  private struct Case {
    let expected: JSON
    let tensors: SafetensorsFile
    let shares: [TaskShare]
    let replica: Replica
    /// The trunk with the head of each task.
    let each: [Replica]

    init(_ name: String) throws {
      let folder = Fixtures.root + "/Tests/Fixtures/trunks/" + name
      expected = try OpenFile.json(folder + "/expected.json")
      tensors = try SafetensorsFile(folder + "/expected.safetensors")
      let problems = Problems()
      shares = try #require(expected["tasks"]?.elements).map { task in
        let section = Section(task, file: nil, code: .usage, problems: problems)
        return TaskShare(
          name: section.text("as"), objective: TaskRecipe(naming: section).objective,
          weight: section.number("weight"), samples: 1)
      }
      try problems.throwIfAny()
      let description = try ModelDescription.stored(
        in: folder, with: shares.map { (name: $0.name, head: $0.objective.head) })
      #expect(description.newParameters.isEmpty, "\(name): \(description.newParameters)")
      let replica = Replica(
        description, objective: SharedTrunk(shares), engine: try Engine(threads: 2))
      try replica.fill(from: try FolderWeights(folder: folder, description, layout: replica.layout))
      self.replica = replica
      each = zip(description.eachTask, shares).map { Replica(replica, $0, for: $1.objective) }
    }

    /// The weighted losses of a step and the sum of their gradients, task by task.
    func step(_ number: Int) throws -> (losses: [Double], gradients: [[Float]]) {
      let parts = try zip(each, shares).map { replica, share in
        gradient(
          of: replica, try tensors.batch("\(number).\(share.name)."), weight: Float(share.weight))
      }
      return (parts.map(\.loss), parts.map(\.gradients))
    }
  }

  private func sum(_ parts: [[Float]]) -> [Float] {
    parts.dropFirst().reduce(parts[0]) { zip($0, $1).map { $0 + $1 } }
  }

  @Test(arguments: names) func lossAndGradients(_ name: String) throws {
    let fixture = try Case(name)
    let (losses, parts) = try fixture.step(0)
    let own = try #require(fixture.expected["task_losses"]?.elements?.first?.elements)
    for (task, share) in fixture.shares.enumerated() {
      let expected = share.weight * (try #require(own[task].double))
      #expect(abs(losses[task] / expected - 1) <= 1e-5, "\(name): \(share.name)")
    }
    let expected = try #require(fixture.expected["losses"]?.elements?.first?.double)
    #expect(abs(losses.reduce(0, +) / expected - 1) <= 1e-5)
    let gradients = sum(parts)
    let whole = norm(gradients)
    var compared = 0
    for parameter in fixture.replica.layout.parameters {
      let key = "gradient." + parameter.spec.name
      try #require(fixture.tensors.entry(key) != nil, "\(key)")
      let want = try fixture.tensors.floats(key)
      let error = norm(zip(gradients[parameter.range], want).map { $0 - $1 })
      #expect(error <= 1e-5 * max(norm(want), 1e-2 * whole), "\(name): \(parameter.spec.name)")
      compared += 1
    }
    #expect(compared >= 10)
    // A task leaves zeros in the heads of others, and not what memory held.
    var heads = 0
    for parameter in fixture.replica.layout.parameters where parameter.spec.isHead {
      let isOfFirst = !parameter.spec.name.hasPrefix("heads.")
      #expect(parts[isOfFirst ? 1 : 0][parameter.range].allSatisfy { $0 == 0 }, "\(parameter.spec.name)")
      #expect(norm(Array(parts[isOfFirst ? 0 : 1][parameter.range])) > 0, "\(parameter.spec.name)")
      heads += 1
    }
    #expect(heads >= 1)
  }

  @Test(arguments: names) func fiveSteps(_ name: String) throws {
    let fixture = try Case(name)
    func numbers(_ key: String) throws -> [Double] {
      try #require(fixture.expected[key]?.elements).compactMap(\.double)
    }
    let steps = ReferenceSteps(
      losses: try numbers("losses"), norms: try numbers("norms"),
      learningRate: try #require(fixture.expected["learning_rate"]?.double))
    #expect(steps.losses.count == 5)
    try steps.checkLosses(fixture.replica, name) { number in
      let (losses, parts) = try fixture.step(number)
      return (losses.reduce(0, +), sum(parts))
    }
  }
}
