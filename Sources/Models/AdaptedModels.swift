// What methods see of a model, and the method that an adapter folder was made by.
import Adapters
import Base
import Foundation

extension AdaptedModel {
  package init(_ description: ModelDescription) {
    let family = description.family
    let hasLabels = if case .labels = description.head { true } else { false }
    self.init(
      parameters: description.parameters.filter { !$0.isAdded },
      outputEmbedding: hasLabels ? type(of: family).classifier + ".weight" : family.outputEmbedding,
      head: type(of: family).head, isTied: !hasLabels && family.tied,
      storesInputsFirst: type(of: family).storesInputsFirst,
      taskType: hasLabels ? Self.labelsTask : "CAUSAL_LM", newParameters: description.newParameters)
  }
}

extension ModelDescription {
  /// The same model as a method fine-tunes it. A head that the method parts from the embedding begins as its copy.
  /// - Throws: where the method's settings name nothing that the model has.
  package func adapted(by method: any Method) throws -> ModelDescription {
    let whole = try method.partsHead(of: AdaptedModel(self)) ? withHeadOfItsOwn() : self
    return whole.adapted(by: try method.adaptation(of: AdaptedModel(whole)))
  }
}

extension LoRA {
  /// - Parameter folder: as PEFT writes it.
  package init(adapter folder: String) throws {
    let file = folder + "/adapter_config.json"
    if access(file, F_OK) != 0, errno == ENOENT {
      let isAbove = access("\(folder)/model/adapter_config.json", F_OK) == 0
      throw UserError(
        .data, "holds no adapter: it has no adapter_config.json", at: folder,
        hint: isAbove ? "is \(folder)/model meant?" : "")
    }
    try self.init(config: try OpenFile.json(file), file: file)
  }
}
