// Which parameters of a model have weight decay.
import Base
import Foundation
import Models
import Testing
import Training

@Suite struct DecayTests {
  /// Fails if norms, biases or position tables decay, or if a matrix or the token table does not.
  @Test(arguments: ParityCase.names.filter { $0 != "stories260K" })
  func normsBiasesAndPositionsDoNotDecay(_ name: String) throws {
    let parameters = try ModelDescription(folder: Fixtures.root + "/Tests/Fixtures/parity/" + name).parameters
    var (still, decaying) = (0, 0)
    for parameter in parameters {
      let isExempt =
        parameter.name.hasSuffix(".bias") || parameter.name.contains("norm") || parameter.name.contains("ln_")
        || parameter.name.contains("wpe") || parameter.name.contains("embed_positions")
      #expect(parameter.decays == !isExempt, "\(parameter.name)")
      if isExempt { still += 1 } else { decaying += 1 }
    }
    // Two norms per layer and one at the end; a table, and four or more matrices per layer.
    #expect(still >= 5 && decaying >= 9, "\(still) and \(decaying)")
  }
}
