// Commands of the admin server: names, what they need, and their answers in JSON as Apache's admin server gives them.
// Pure: a request's target and facts in, text out. Source: ZooKeeper server.admin.Commands, JettyAdminServer.
//
// All of them only read, but those with a Deed. As in Apache's server anybody who reaches the port may ask, but for
// snapshot and restore: transfers.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/facts.h"
#include "admin/four_letter.h"
#include "ensemble/zoo_cfg.h"

namespace zk::admin {

/// A target taken apart: "/commands/stmk?traceMask=1".
struct AdminTarget {
    enum class Kind {
        absent,  ///< nothing of ours: 404
        list,    ///< the page that names all commands
        command,
    };
    Kind kind = Kind::absent;
    std::string command;  ///< as written: a name, an alias, or neither
    std::vector<std::pair<std::string, std::string>> parameters{};

    /// The first of this name.
    [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

/// `command_url`: admin.commandURL. Percent signs and pluses are undone; nothing fails.
AdminTarget read_target(std::string_view target, std::string_view command_url);

/// What is asked of the server before the answer can be written.
struct AdminQuestion {
    Wanted wanted;
    bool needs_service =
        true;  ///< nothing but an error is answered, and nothing done, while nothing is served
    Deed deed = Deed::none;
    std::int64_t trace_mask = 0;
    bool needs_rights = false;  ///< nothing is done unless whoever asks may_transfer()
};

/// Nothing: answer_command() needs no facts, because the command does not exist or lacks what it needs.
std::optional<AdminQuestion> question_of(const AdminTarget& target);

/// The JSON that answers. `facts`: of question_of(), its deed done; not read where that is nothing.
/// REQUIRES: kind command.
std::string answer_command(const AdminTarget& target,
                           const Facts& facts,
                           const ensemble::ServerConfig& config);

/// The page of all commands: links below `command_url`, by name.
std::string command_list(std::string_view command_url);

/// Each command with its other names.
std::vector<std::vector<std::string_view>> command_names();

/// `text` of a zoo.cfg, in which what looks like a secret is replaced by stars: values of keys that name a password, a
/// digest or a secret.
std::string without_secrets(std::string_view text);
bool names_a_secret(std::string_view key);

}  // namespace zk::admin
