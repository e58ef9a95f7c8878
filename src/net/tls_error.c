/*
 * tls_error.c - OpenSSL leaves a queue of errors, from the cause outward.
 *
 * The first that speaks of TLS tells most, since what lies below it names
 * OpenSSL's insides; where none does, the first of all.
 */
#include "net/tls_error.h"

#include "base/err.h"
#include "net/uverr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

void pl_tls_error_clear(void)
{
    ERR_clear_error();
}

/* In clearer words than OpenSSL's; or NULL. */
static const char *own_words(unsigned long code)
{
    static const struct {
        int lib, reason;
        const char *words;
    } rows[] = {
        {ERR_LIB_PEM, PEM_R_NO_START_LINE, "nothing of that kind is in it"},
        {ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND, "nothing of that kind is in it"},
        {ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED, "nothing of that kind is in it"},
        {ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH, "it belongs to another certificate"},
        {ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH, "it belongs to another certificate"},
        {ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED, "it belongs to another certificate"},
        {ERR_LIB_SSL, SSL_R_HTTP_REQUEST, "the peer speaks plain HTTP"},
        {ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS"},
        /* OpenSSL's table of alerts lacks it */
        {ERR_LIB_SSL, SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
         "the peer sent the alert: certificate required"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ERR_GET_LIB(code) == rows[i].lib && ERR_GET_REASON(code) == rows[i].reason)
            return rows[i].words;
    return NULL;
}

/* Whether it stands for an alert that the peer has sent: one byte says which. */
static bool is_alert(unsigned long code)
{
    int reason = ERR_GET_REASON(code);

    return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
           reason <= SSL_AD_REASON_OFFSET + UINT8_MAX;
}

/* Whether it tells more than that something below failed. */
static bool is_telling(unsigned long code)
{
    return ERR_GET_LIB(code) == ERR_LIB_SSL && !ERR_COMMON_ERROR(code);
}

static void describe(unsigned long code, char *text, size_t size)
{
    const char *words = own_words(code);
    int reason = ERR_GET_REASON(code);

    if (code == 0)
        snprintf(text, size, "unknown error");
    else if (ERR_SYSTEM_ERROR(code))
        snprintf(text, size, "%s", uv_strerror(uv_translate_sys_error(reason)));
    else if (words != NULL)
        snprintf(text, size, "%s", words);
    else if (is_alert(code))
        snprintf(text, size, "the peer sent the alert: %s",
                 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    else if ((words = ERR_reason_error_string(code)) != NULL)
        snprintf(text, size, "%s", words);
    else
        snprintf(text, size, "OpenSSL's error %08lx", code);
}

int pl_tls_error_take(int other, char *text, size_t size)
{
    unsigned long code, telling = 0;
    int err = other;

    while ((code = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE && !ERR_SYSTEM_ERROR(code))
            err = PL_E_NOMEM;
        if (telling == 0 || (is_telling(code) && !is_telling(telling)))
            telling = code;
    }
    if (err == PL_E_NOMEM) {
        snprintf(text, size, "%s", pl_err_text(PL_E_NOMEM));
        return err;
    }
    if (ERR_SYSTEM_ERROR(telling))
        err = pl_err_of_errno(ERR_GET_REASON(telling));
    describe(telling, text, size);
    return err;
}
