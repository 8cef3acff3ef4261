// The recipes under playbooks/, as text in the program. The source is generated when the build is
// configured.
#pragma once

#include <array>
#include <string_view>

namespace zk::playbook {

struct Builtin {
    std::string_view name;
    std::string_view text;
};
extern const std::array<Builtin, 2> kBuiltins;

}  // namespace zk::playbook
