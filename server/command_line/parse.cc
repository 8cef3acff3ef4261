#include "command_line/parse.h"

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace zk::command_line {
namespace {

/// A word of the command line, with the value that belongs to it.
struct Token {
    std::string spelled;             ///< "--timeout"; an operand: the word itself
    bool dashed = false;             ///< an option, known or not
    const Option* option = nullptr;  ///< null: an operand, or unknown
    bool attached = false;           ///< by '='
    std::optional<std::string> value = {};
    std::string follower = {};  ///< an option that stands where the value should
};

/// Words are told apart by the whole table: an option is the same one with every command.
std::vector<Token> tokens_of(const Program& program, const std::vector<std::string>& words) {
    std::vector<Token> tokens;
    bool options_ended = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (!options_ended && word == "--") {
            options_ended = true;
            continue;
        }
        Token token;
        token.dashed = !options_ended && word.size() > 1 && word.front() == '-';
        const std::size_t equals =
            token.dashed && word.starts_with("--") ? word.find('=') : std::string::npos;
        token.spelled = word.substr(0, equals);
        if (token.dashed) token.option = program.find_option(token.spelled);
        if (equals != std::string::npos) {
            token.attached = true;
            token.value = word.substr(equals + 1);
        } else if (token.option != nullptr && token.option->type != Type::flag &&
                   i + 1 < words.size()) {
            const std::string& next = words[i + 1];
            if (next == "--" || program.find_option(next.substr(0, next.find('='))) != nullptr) {
                token.follower = next;
            } else {
                token.value = words[++i];
            }
        }
        tokens.push_back(std::move(token));
    }
    return tokens;
}

Error mistake(std::string words) { return {Errc::invalid, std::move(words)}; }
std::string in_quotes(std::string_view word) { return "\"" + std::string(word) + "\""; }

}  // namespace

class Parser {
  public:
    Parser(const Program& program,
           const std::vector<std::string>& words,
           const Environment& environment)
        : program_(program), environment_(environment), tokens_(tokens_of(program, words)) {
        parsed_.program_ = &program;
        parsed_.slots_.resize(program.options.size());
    }

    Result<Parsed> parse() {
        if (has(kHelpOption)) {
            ask_help();
            return std::move(parsed_);
        }
        if (has(kVersionOption)) {
            parsed_.asked = Asked::version;
            if (program_.find_command("version") == nullptr) return std::move(parsed_);
            // Options of that command count, and words behind it are too many.
            std::erase_if(tokens_,
                          [](const Token& each) { return each.option == &kVersionOption; });
            tokens_.insert(tokens_.begin(), Token{.spelled = "version"});
        }
        ZK_CHECK(find_command());
        ZK_CHECK(take_options());
        ZK_CHECK(take_operands());
        if (program_.has_commands() && parsed_.command->name == "help") ask_help();
        if (program_.has_commands() && parsed_.command->name == "version") {
            parsed_.asked = Asked::version;
        }
        return std::move(parsed_);
    }

  private:
    [[nodiscard]] bool has(const Option& option) const {
        return std::ranges::any_of(tokens_,
                                   [&](const Token& each) { return each.option == &option; });
    }
    [[nodiscard]] std::vector<std::string> plain_words() const {
        std::vector<std::string> words;
        for (const Token& token : tokens_) {
            if (!token.dashed) words.push_back(token.spelled);
        }
        return words;
    }
    [[nodiscard]] std::string see_help() const {
        return "; see: " + help_command(program_, parsed_.command);
    }
    /// "apply" or, of a program without commands, its own name.
    [[nodiscard]] std::string subject() const {
        return std::string(parsed_.command->name.empty() ? program_.name : parsed_.command->name);
    }

    void ask_help();
    Result<> find_command();
    Result<> name_command(const std::vector<std::string>& words);
    Error unknown_option(const Token& token) const;
    Result<> take_options();
    Result<> take_option(const Token& token);
    Result<> take_standards();
    Result<> take_operands();
    Result<> take_operand(const Operand& operand, const std::string& word);

    const Program& program_;
    const Environment& environment_;
    std::vector<Token> tokens_;
    std::size_t command_words_ = 0;  ///< of the plain words: they are no operands
    Parsed parsed_;
};

/// The page that is meant: of the command, of "help apply", or of whatever was typed.
void Parser::ask_help() {
    parsed_.asked = Asked::help;
    if (!program_.has_commands()) return;
    std::vector<std::string> words = plain_words();
    if (!words.empty() && words.front() == "help") {
        words.erase(words.begin());
        for (const std::string& word : words) {
            parsed_.topic += (parsed_.topic.empty() ? "" : " ") + word;
        }
        return;
    }
    if (words.empty()) return;
    parsed_.topic = words[0];
    if (words.size() > 1 && program_.find_command(words[0] + " " + words[1]) != nullptr) {
        parsed_.topic += " " + words[1];
    }
}

Result<> Parser::find_command() {
    if (!program_.has_commands()) {
        parsed_.command = &program_.commands.front();
        return ok();
    }
    // Whether a value follows an unknown option nobody knows: what stands behind it may be that, and no command.
    for (const Token& token : tokens_) {
        if (!token.dashed) break;
        if (token.option == nullptr) return unknown_option(token);
    }
    const std::vector<std::string> words = plain_words();
    if (words.empty()) return mistake("no command is given" + see_help());
    return name_command(words);
}

Result<> Parser::name_command(const std::vector<std::string>& words) {
    const auto members = program_.members_of(words[0]);
    if (members.empty()) {
        parsed_.command = program_.find_command(words[0]);
        command_words_ = 1;
    } else {
        if (words.size() > 1) parsed_.command = program_.find_command(words[0] + " " + words[1]);
        command_words_ = 2;
    }
    if (parsed_.command != nullptr) return ok();
    if (!members.empty()) {
        const std::string found =
            words.size() > 1 ? ", found " + in_quotes(words[1]) + did_you_mean(words[1], members)
                             : ", such as: " + std::string(program_.name) + " " + words[0] + " " +
                                   std::string(members[0]);
        return mistake(words[0] + " needs " + in_words(members, "or") + found);
    }
    if (std::ranges::find(program_.later_commands, words[0]) != program_.later_commands.end()) {
        return mistake(in_quotes(words[0]) + " is not supported in this version" + see_help());
    }
    const std::string meant = did_you_mean(words[0], program_.first_words());
    return mistake("unknown command " + in_quotes(words[0]) + (meant.empty() ? see_help() : meant));
}

Error Parser::unknown_option(const Token& token) const {
    const std::string words = "unknown option " + in_quotes(token.spelled);
    // "-ojson" and "-o=json" are not taken for -o json, since -inventory would be -i nventory.
    if (!token.spelled.starts_with("--")) {
        const Option* const letter = program_.find_option(token.spelled.substr(0, 2));
        if (program_.find_option("-" + token.spelled) != nullptr) {
            return mistake(words + "; did you mean " + in_quotes("-" + token.spelled) + "?");
        }
        if (letter != nullptr && letter->type != Type::flag) {
            const std::size_t value = token.spelled[2] == '=' ? 3 : 2;
            return mistake(
                words + "; did you mean " +
                in_quotes(token.spelled.substr(0, 2) + " " + token.spelled.substr(value)) + "?");
        }
    }
    std::vector<std::string> names;
    for (const Option* option : program_.options_of(parsed_.command)) {
        for (std::string& name : spellings(*option)) names.push_back(std::move(name));
    }
    const std::string meant = did_you_mean(token.spelled, {names.begin(), names.end()});
    return mistake(words + (meant.empty() ? see_help() : meant));
}

Result<> Parser::take_options() {
    for (const Token& token : tokens_) {
        if (!token.dashed) continue;
        if (token.option == nullptr) return unknown_option(token);
        ZK_CHECK(take_option(token));
    }
    return take_standards();
}

Result<> Parser::take_option(const Token& token) {
    const Option& option = *token.option;
    if (!takes(*parsed_.command, option)) {
        return mistake(token.spelled + " is for " + in_words(option.commands, "and") + "; " +
                       subject() + " does not have it" + see_help());
    }
    Parsed::Slot& slot =
        parsed_.slots_[static_cast<std::size_t>(&option - program_.options.data())];
    if (option.type == Type::flag) {
        if (token.attached) return mistake(token.spelled + " takes no value");
        slot.given = true;
        return ok();
    }
    if (!token.value) {
        std::string words = token.spelled + " needs a value";
        if (!token.follower.empty() && token.follower != "--") {
            words += ", and " + token.follower + " is an option (" + "--" +
                     std::string(option.name) + "=" + token.follower + " if it is meant)";
        }
        return mistake(words + see_help());
    }
    ZK_TRY(Value value, read_value(option, token.spelled, *token.value));
    if (slot.given && option.repeat == Repeat::refused) {
        return mistake(token.spelled + " is given twice: " + slot.values.front().text + " and " +
                       value.text);
    }
    if (option.repeat != Repeat::collects) slot.values.clear();
    slot.values.push_back(std::move(value));
    slot.given = true;
    return ok();
}

/// What was not given comes from the environment, or by default.
Result<> Parser::take_standards() {
    for (std::size_t i = 0; i < program_.options.size(); ++i) {
        const Option& option = program_.options[i];
        Parsed::Slot& slot = parsed_.slots_[i];
        if (slot.given || !takes(*parsed_.command, option)) continue;
        const std::string variable(option.environment);
        const std::string set =
            environment_ && !variable.empty() ? environment_(variable) : std::string();
        if (!set.empty()) {
            ZK_TRY(Value value, read_value(option, variable, set));
            slot.values.push_back(std::move(value));
        } else if (!option.standard.empty()) {
            ZK_TRY(Value value, read_value(option, variable, std::string(option.standard)));
            slot.values.push_back(std::move(value));
        }
    }
    return ok();
}

Result<> Parser::take_operands() {
    std::vector<std::string> words = plain_words();
    std::size_t next = command_words_;
    for (const Operand& operand : parsed_.command->operands) {
        std::size_t count = 0;
        for (; count < operand.most && next < words.size(); ++count) {
            ZK_CHECK(take_operand(operand, words[next++]));
        }
        if (count < operand.least) {
            const auto& examples = parsed_.command->examples;
            const std::string more = examples.empty()
                                         ? " (" + std::string(operand.name) + ")" + see_help()
                                         : ", such as: " + std::string(examples.front());
            return mistake(subject() + " needs " + std::string(operand.meaning) + more);
        }
    }
    if (next == words.size()) return ok();
    return mistake(in_quotes(words[next]) + " is one word too many" + see_help());
}

Result<> Parser::take_operand(const Operand& operand, const std::string& word) {
    const Option like{.name = operand.name,
                      .type = operand.type,
                      .value = operand.name,
                      .meaning = operand.meaning,
                      .choices = operand.choices};
    const auto value = read_value(like, subject() + ": " + std::string(operand.name), word);
    if (!value) return value.error();
    parsed_.operands_.emplace_back(operand.name, word);
    return ok();
}

const Parsed::Slot& Parsed::slot(std::string_view option) const {
    const auto found = std::ranges::find(program_->options, option, &Option::name);
    ZK_ASSERT(found != program_->options.end());
    return slots_[static_cast<std::size_t>(found - program_->options.begin())];
}

const Value& Parsed::value(std::string_view option, Type type) const {
    const Slot& found = slot(option);
    ZK_ASSERT(!found.values.empty());
    ZK_ASSERT(program_->options[static_cast<std::size_t>(&found - slots_.data())].type == type);
    return found.values.back();
}

bool Parsed::given(std::string_view option) const { return slot(option).given; }
bool Parsed::has(std::string_view option) const {
    return slot(option).given || !slot(option).values.empty();
}
std::string Parsed::text(std::string_view option) const {
    const Slot& found = slot(option);
    return found.values.empty() ? "" : found.values.back().text;
}
std::int64_t Parsed::number(std::string_view option) const {
    return value(option, Type::number).number;
}
milliseconds Parsed::duration(std::string_view option) const {
    return value(option, Type::duration).duration;
}
const std::vector<Value>& Parsed::all(std::string_view option) const { return slot(option).values; }

std::vector<std::string> Parsed::operands(std::string_view operand) const {
    std::vector<std::string> words;
    for (const auto& [name, word] : operands_) {
        if (name == operand) words.push_back(word);
    }
    return words;
}
std::string Parsed::operand(std::string_view operand) const {
    const auto words = operands(operand);
    return words.empty() ? "" : words.front();
}

Result<Parsed> parse(const Program& program,
                     const std::vector<std::string>& words,
                     const Environment& environment) {
    return Parser(program, words, environment).parse();
}

std::string command_word(const Program& program, const std::vector<std::string>& words) {
    for (const Token& token : tokens_of(program, words)) {
        if (!token.dashed) return token.spelled;
    }
    return {};
}

std::string given_value(const Program& program,
                        const std::vector<std::string>& words,
                        std::string_view option) {
    std::string last;
    for (const Token& token : tokens_of(program, words)) {
        if (token.option != nullptr && token.option->name == option && token.value) {
            last = *token.value;
        }
    }
    return last;
}

}  // namespace zk::command_line
