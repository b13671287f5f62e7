// The data of a recipe, read as train reads it: what check, show and stats look at.
import Base
import Datasets
import Inspection
import Models
import Recipes
import Tokenizers
import Training

struct RecipeData {
  let recipe: Recipe
  let model: ModelDescription
  let tokenizer: Tokenizer
  /// What a run would read, or the mistakes for which it would end.
  let data: Result<RunData, UserErrors>

  /// - Parameters:
  ///   - arguments: a recipe and settings, as for train.
  ///   - task: which of several tasks of the recipe.
  /// - Throws: mistakes of the recipe and the model, for which nothing can be looked at.
  init(_ arguments: [String], task: String? = nil) throws {
    var recipe = try readRecipe(arguments).0.ofTask(task)
    guard recipe.data.retrieval == nil else {
      throw UserError(
        .usage, "puts passages before the questions when a run starts", at: "data.retrieval",
        hint: "leave it out here (data.retrieval=null), or give a file of OUTPUT/retrieved as data.train")
    }
    if recipe.data.readsStandardInput { try StandardInput.read() }
    var mistakes: [UserError] = []
    do { recipe = try recipe.settled() } catch let errors as UserErrors where errors.code == .data {
      // Rows that cannot be read tell no labels.
      mistakes = errors.errors
    } catch let error as UserError where error.code == .data {
      mistakes = [error]
    }
    // Without labels, a head has no size.
    let model = try mistakes.isEmpty ? recipe.describeModel() : ModelDescription(folder: recipe.model)
    tokenizer = try Tokenizer(folder: recipe.model)
    self.recipe = recipe
    self.model = model
    guard mistakes.isEmpty else {
      data = .failure(UserErrors(mistakes))
      return
    }
    do { data = .success(try RunData(recipe, model: model)) } catch let errors as UserErrors
      where errors.code == .data
    {
      data = .failure(errors)
    } catch let error as UserError where error.code == .data {
      data = .failure(UserErrors([error]))
    }
  }

  var facts: InspectionFacts {
    let dataset = try? data.get().dataset
    return InspectionFacts(
      recipe, model, dataset?.options ?? recipe.dataOptions, labels: dataset?.labels, tokenizer: tokenizer)
  }
}

extension Recipe {
  /// The recipe of one of several tasks or adapters; the same recipe where it has one.
  /// - Throws: where a task has to be named, or none has the name.
  fileprivate func ofTask(_ name: String?) throws -> Recipe {
    let names = parts.map(\.name)
    if names.isEmpty, name == nil { return self }
    guard let name, let part = parts.first(where: { $0.name == name }) else {
      let kind = adapters.isEmpty ? "tasks" : "adapters"
      throw UserError(
        .usage,
        name.map {
          "is \($0.quoted), and the recipe has \(names.isEmpty ? "one task" : names.joined(separator: ", "))"
        }
          ?? "is missing: the data of several \(kind) are looked at one by one", at: "--task",
        hint: names.isEmpty ? "leave it out" : "name one of \(names.joined(separator: ", "))")
    }
    var recipe = part.recipe
    // What one learns from is looked at as for a run of its own.
    recipe.adapters = []
    return recipe
  }
}
