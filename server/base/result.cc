#include "base/result.h"

#include "base/check.h"

namespace zk {
namespace {
class Category final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return "zk"; }
    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
            case Errc::invalid:
                return "invalid";
            case Errc::corrupt:
                return "corrupt";
            case Errc::not_found:
                return "not found";
            case Errc::exists:
                return "exists";
            case Errc::timeout:
                return "timed out";
            case Errc::refused:
                return "refused";
            case Errc::unsupported:
                return "not supported";
            case Errc::closed:
                return "closed";
            case Errc::failed:
                return "failed";
        }
        return "unknown";
    }
};
}  // namespace

const boost::system::error_category& errc_category() {
    static const Category category;
    return category;
}

std::string Error::message() const {
    if (code.category() == errc_category()) return words;
    if (words.empty()) return code.message();
    return words + ": " + code.message();
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    assertion_failed(("value of a failed result: " + error.message()).c_str(),
                     where.file_name(),
                     static_cast<int>(where.line()));
}

}  // namespace zk
