#include "ssh/link_error.h"

namespace zk::ssh {
namespace {
class Category final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "link"; }
    std::string message(int value) const override {
        switch (static_cast<LinkErrc>(value)) {
            case LinkErrc::unreachable:
                return "host unreachable";
            case LinkErrc::timeout:
                return "timed out";
            case LinkErrc::host_key_unknown:
                return "host key unknown";
            case LinkErrc::host_key_changed:
                return "host key changed";
            case LinkErrc::host_key_unverifiable:
                return "host key cannot be checked";
            case LinkErrc::no_common_algorithm:
                return "no common algorithm";
            case LinkErrc::login_refused:
                return "login refused";
            case LinkErrc::key_unusable:
                return "key file unusable";
            case LinkErrc::known_hosts:
                return "known_hosts unusable";
            case LinkErrc::sudo_refused:
                return "sudo refused";
            case LinkErrc::shell_refused:
                return "login shell refused";
            case LinkErrc::disk_full:
                return "disk full";
            case LinkErrc::wrong_arch:
                return "wrong machine type";
            case LinkErrc::push_failed:
                return "push failed";
            case LinkErrc::agent_failed:
                return "agent failed";
            case LinkErrc::agent_missing:
                return "agent binary missing";
            case LinkErrc::ssh_client:
                return "system's ssh unusable";
            case LinkErrc::protocol:
                return "protocol error";
            case LinkErrc::closed:
                return "link closed";
        }
        return "unknown";
    }
};
}  // namespace

const boost::system::error_category& link_category() {
    static const Category category;
    return category;
}

std::optional<LinkErrc> link_errc(const Error& error) {
    if (error.code.category() != link_category()) return std::nullopt;
    return static_cast<LinkErrc>(error.code.value());
}

}  // namespace zk::ssh
